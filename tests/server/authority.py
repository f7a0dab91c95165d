"""A certificate authority of a test, which makes pairs of certificate and key at run time."""

import subprocess

from harness import SERVER_NAME, SERVER_V4, SERVER_V6

KINDS = {
    "ecdsa": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "ed25519": ("ed25519",),
    "rsa": ("rsa:2048",),
}


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


class Authority:
    """Makes pairs that the clients trust, each with a number of its own."""

    def __init__(self, home):
        self.home = home
        self.root, self.key = home / "root.pem", home / "root-key.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "90", "-subj", "/CN=root", "-addext", "keyUsage=critical,keyCertSign",  # RFC 5280, 4.2.1.3
                "-keyout", self.key, "-out", self.root)
        self.names = f"IP:{SERVER_V4},IP:{SERVER_V6},DNS:{SERVER_NAME}"

    def pair(self, name, serial, days=90, kind="ecdsa", names=None):
        """names: its subject alternative names, where they are not those of the server of a world."""
        chain, key, request = (self.home / f"{name}{end}" for end in (".pem", ".key", ".csr"))
        openssl("req", "-new", "-newkey", *KINDS[kind], "-nodes", "-subj", f"/CN={SERVER_NAME}", "-keyout", key,
                "-out", request)
        extensions = self.home / "extensions"
        extensions.write_text(f"subjectAltName={names or self.names}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.key, "-days", days,
                "-set_serial", serial, "-extfile", extensions, "-out", chain)
        return chain, key
