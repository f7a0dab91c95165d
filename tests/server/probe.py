"""ntsprobe, the client that also does wrong (tests/client), run in a world's client namespace."""

import json
import ssl
import subprocess

from harness import BUILD, KE_PORT, SERVER_NAME, SERVER_V4

NTSPROBE = BUILD / "tests/client/ntsprobe"


def record(kind, body=b"", critical=True):
    """One NTS-KE record."""
    head = (0x8000 if critical else 0) | kind
    return head.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def numbers(*values):
    return b"".join(v.to_bytes(2, "big") for v in values)


END = record(0)
PROTOCOL = record(1, numbers(0))
AEAD = record(4, numbers(15))


def client_context():
    """TLS of a client of NTS-KE that trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["ntske/1"])
    return context


def exchange(s):
    """Whether a key exchange over a connected socket brings cookies."""
    with client_context().wrap_socket(s) as tls:
        tls.send(PROTOCOL + AEAD + END)
        got = b""
        while octets := tls.recv(4096):
            got += octets
    return len(got) > 800


class Probe:
    def __init__(self, world, address=SERVER_V4):
        self.world = world
        self.address = address

    def run(self, command, *arguments, timeout=60, stdin=None):
        """The lines that ntsprobe prints, read."""
        got = self.world.client.run(NTSPROBE, command, *arguments, check=False, timeout=timeout,
                                    input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if got.returncode == 2 or got.returncode < 0:
            raise RuntimeError(f"ntsprobe {command} {arguments}: {got.returncode} {got.stderr}")
        return [json.loads(line) for line in got.stdout.splitlines()]

    def trust(self, name=SERVER_NAME):
        return ["--ca", self.world.certificate, "--name", name]

    def ke(self, request=None, *arguments, address=None, **options):
        """One exchange; request is octets, or None for a correct one."""
        if request is not None:
            hexed = request.hex()
            if len(hexed) > 100000:
                path = self.world.home / "request.hex"
                path.write_text(hexed)
                hexed = f"@{path}"
            arguments += ("--request", hexed)
        return self.run("ke", "--address", address or self.address, "--port", KE_PORT, *arguments,
                        **options)[0]

    def nts(self, *arguments, address=None, **options):
        """NTS requests; a line for each."""
        return self.run("nts", "--address", address or self.address, "--port", KE_PORT,
                        *arguments, **options)

    def ntp(self, *datagrams, arguments=(), address=None, port=123, **options):
        """Sends octets as they are; {index: [replies]}, and all replies."""
        lines = self.run("ntp", "--address", address or self.address, "--port", port, *arguments,
                         "-", stdin="\n".join(d.hex() for d in datagrams) + "\n", **options)
        return [(line["index"], bytes.fromhex(line["reply"])) for line in lines[:-1]]

    def load(self, *arguments):
        """Starts a load and returns its process; its lines come from stdout, and with --hold it
        waits for one on stdin."""
        return subprocess.Popen(self.world.client.command(
            NTSPROBE, "load", "--address", self.address, "--port", KE_PORT, *arguments),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def types(answer):
    """The record types of a response, in their order."""
    return [r["type"] for r in answer["records"]]


def explain(answer):
    return json.dumps({k: v for k, v in answer.items() if k not in ("cookies", "c2s", "s2c")})[:900]
