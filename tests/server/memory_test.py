"""Keys lie in locked memory alone, and leave it when they are retired. While keys rotate under real
exchanges and requests, right and wrong ones, memscan looks through the memory and the registers of
all processes for every cookie key that there has been, halves and round keys too, for the TLS keys in
the forms that OpenSSL gives them, for the clients' keys that cookies carry, and for a key that was imported and revoked."""

import base64
import json
import os
import re
import subprocess
import time

from harness import BUILD, KE_PORT, SERVER_NAME, SERVER_V4, Tap, World, wait_for
from memory_scan import scan, siv_patterns, swapped
from probe import AEAD, END, PROTOCOL, Probe, numbers, record

ROTATE, KEEP, ROTATIONS = 6, 1, 3
LAST = ((), ("--inner", "ph*2"), ("--fields", "uid,cookie,ph*7,auth"))  # usual, slow, long
IDLE = 0.8  # s: by then a retired key has left an idle process (ke looks each 0.5 s)
BOARD = "/memfd:noonmark-control"
KEY_COPY = "/memfd:noonmark-key"  # of a key's file, which the supervisor keeps for the next ke
HOLDERS = {"cookie": ("control", "ke", "dataplane"), "tls": ("ke",)}


class Keys:
    """The cookie keys that the key file has ever held (control/keys/key_file.h)."""

    def __init__(self, path):
        self.path = path
        self.generation = 0
        self.all, self.current = {}, set()

    def read(self):
        octets = self.path.read_bytes()
        n, self.generation = int.from_bytes(octets[20:24], "big"), int.from_bytes(octets[24:32], "big")
        places = [octets[64 + 48 * i:][:48] for i in range(n)]
        self.current = {p[:4].hex() for p in places}
        self.all.update({p[:4].hex(): p[16:48] for p in places})

    def patterns(self):
        for name, secret in self.all.items():
            yield from siv_patterns(f"cookie-{name}", secret)
            # As SHA-256 has it, which ends the key file.
            yield f"cookie-{name}-swapped", swapped(secret)
            yield f"cookie-{name}-digits", secret.hex().encode()  # of a request to import it


def tls_patterns(kind, path):
    """The secret numbers of a private key as octets, as OpenSSL's limbs, and as the file has them."""
    shown = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    text = "".join(line for line in path.read_text().splitlines() if "---" not in line)
    der = base64.b64decode(text)
    wanted = "priv|privateExponent|prime[12]|exponent[12]|coefficient"
    for name, digits in re.findall(rf"^({wanted}):\s*((?:\n? +[0-9a-f:]+)+)", shown, re.M):
        octets = bytes.fromhex(re.sub(r"[\s:]", "", digits)).lstrip(b"\0")
        yield f"tls-{kind}-{name}-octets", octets
        yield f"tls-{kind}-{name}-limbs", octets[::-1]
        at = der.index(octets)
        for line in range(0, len(text), 64):
            low = max(line, -(-at * 4 // 3))
            high = min(line + 64, (at + len(octets)) * 4 // 3)
            if high - low >= 8:
                yield f"tls-{kind}-{name}-pem", text[low:high].encode()


def wrong(role, found, retired):
    """What is wrong with a key in that place; None when it may be there."""
    kind, name = (found.name.split("-") + [""])[:2]
    if kind == "planted":
        return None
    if kind == "control":
        # Any memory of these may hold secrets; of the dataplane, DPDK's own need not be locked.
        return "not locked" if role in ("control", "ke") and "lo" not in found.flags else None
    if kind == "client":
        return "a client's key, kept"
    if kind == "replaced":
        return "replaced by a reload, and kept"
    if kind == "cookie" and name in retired:
        return "retired"
    if kind == "tls" and role == "supervisor" and found.mapping.startswith(KEY_COPY):
        return None if {"lo", "dd"} <= set(found.flags) else "not locked, or not kept out of dumps"
    if role not in HOLDERS[kind]:
        return "not this process's to hold"
    if found.where != "memory":
        return "on a stack or in a register"
    if "lo" not in found.flags:
        return "not locked"
    if "sh" in found.flags and not found.mapping.startswith(BOARD):
        return "shared"
    if kind == "cookie" and "dd" not in found.flags:
        return "not kept out of dumps"
    if kind == "tls" and found.name.endswith("pem"):
        return "the file's text is kept"
    return None


class Watch:
    def __init__(self, tap, world, control, tls):
        self.tap, self.world, self.control, self.tls = tap, world, control, tls
        self.keys = Keys(world.keys_file)
        self.clients = {}
        self.seen = set()  # (process, kind, form) that were found where they may be

    def look(self, when):
        """Looks through all processes within one rotation, from when its retired keys have had
        their time to go: again when the keys rotate meanwhile."""
        for _ in range(5):
            time.sleep(max(0, self.world.keys_file.stat().st_mtime + IDLE - time.time()))
            self.keys.read()
            generation, began = self.keys.generation, time.monotonic()
            patterns = [*self.keys.patterns(), *self.tls, ("control", self.control)]
            for name, key in self.clients.items():
                patterns += siv_patterns(f"client-{name}", key)
            got = {role: scan(pid, patterns) for role, pid in
                   {"supervisor": self.world.noonmarkd.pid, **self.world.children()}.items()}
            self.keys.read()
            if self.keys.generation == generation:
                break
        else:
            raise RuntimeError(f"the keys rotated under each scan, {when}")
        self.tap.note(f"{when}: {len(patterns)} patterns, {time.monotonic() - began:.2f} s")
        retired = self.keys.all.keys() - self.keys.current
        for role, (places, unread) in got.items():
            faults = self.judge(role, places, retired)
            self.tap.ok(not faults and not unread, f"F5, CK-5: {role}, {when}: keys in locked "
                        f"memory alone, {len(retired)} retired ones nowhere",
                        "\n".join(faults[:40] + unread))

    def judge(self, role, places, retired):
        faults = set()
        for found in places:
            kind, form = found.name.split("-")[0], found.name.split("-")[-1]
            fault = wrong(role, found, retired)
            if fault:
                faults.add(f"{fault}: {found.line}")
            else:
                self.seen.add((role, kind, found.where if kind == "planted" else form.rstrip("0123456789")))
        return sorted(faults)

    def await_rotation(self):
        before = self.keys.generation
        def rotated():
            self.keys.read()
            return self.keys.generation > before
        return wait_for(rotated, ROTATE + 3)


def traffic(world, probe, last):
    """Every way through ke and the cores: exchanges that succeed and fail, requests of the usual
    shape and of others, one and eight cookies, wrong tags, unknown keys, and many at once. last: the
    shape of the last request. The client's keys are returned, too."""
    answers = [probe.ke() for _ in range(3)]
    keys = answers[-1]
    probe.ke(record(1, numbers(9)) + AEAD + END)
    probe.ke(b"\0" * 40)
    probe.ke(record(77) + PROTOCOL + AEAD + END)
    probe.ke(None, "--alpn", "")
    for kind in ("rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256"):
        world.client.run("openssl", "s_client", "-connect", f"{SERVER_V4}:{KE_PORT}", "-sigalgs",
                         kind, "-alpn", "ntske/1", check=False, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=5)
    given = ["--c2s", keys["c2s"], "--s2c", keys["s2c"], "--timeout", "300", "--cookie"]
    cookie = keys["cookies"][0]
    strange = f"{int(cookie[:8], 16) ^ 0x5a5a5a5a:08x}{cookie[8:]}"
    verdicts = [probe.nts(*given, cookie, *rest)[0]["verdict"] for rest in (
        (), ("--fields", "uid,cookie,ph*7,auth"), ("--inner", "ph*2"),
        ("--fields", "uid,cookie,ef:f323:24,auth"), ("--key", "s2c"))]
    verdicts.append(probe.nts(*given, strange)[0]["verdict"])
    verdicts += [line["verdict"] for line in probe.nts(*given, cookie, "--flip", "0:120")][-1:]
    load = probe.load("--clients", 20, "--ntp-address", SERVER_V4, "--rate", 4000, "--seconds", 1)
    report = json.loads(load.communicate(timeout=20)[0].splitlines()[-1])
    probe.nts(*given, cookie, *last)
    client = {which: bytes.fromhex(keys[which]) for which in ("c2s", "s2c")}
    return [len(a["cookies"]) for a in answers], verdicts, report, client


def new_pairs(world):
    """Other keys in the place of both; their patterns. The EC pair stays the one that clients trust."""
    chain, key = world.home / "rsa.pem", world.home / "rsa-key.pem"
    for kind, where in ((("rsa:2048",), (chain, key)),
                        (("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), (world.certificate, world.key))):
        subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "90",
                        "-subj", f"/CN={SERVER_NAME}", "-addext", f"subjectAltName=IP:{SERVER_V4}",
                        "-keyout", where[1], "-out", where[0]], check=True, stderr=subprocess.DEVNULL)
    return [*tls_patterns("ec", world.key), *tls_patterns("rsa", key)]


def import_and_revoke(tap, world, watch):
    """A key of chronyd's, which seals for a moment. From here on it is a retired one."""
    def ctl(*words):
        command = [BUILD / "noonmarkctl", "--socket", world.control_socket, "keys", *words]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    ids = [0x40000000 + i for i in range(4)]
    file = world.home / "ntskeys"
    file.write_text("NKS0\n15 0.0\n" + "".join(f"{i:08X} {os.urandom(32).hex()}\n" for i in ids))
    file.chmod(0o600)
    imported = wait_for(lambda: ctl("import", "--seal", file).returncode == 0, 10)  # refused while the keys rotate
    watch.keys.read()
    known = f"{ids[2]:08x}" in watch.keys.all
    traffic(world, Probe(world), LAST[-1])
    for i in ids[:3]:
        wait_for(lambda i=i: ctl("revoke", "--yes", "--id", f"{i:08x}").returncode == 0 or
                 f"{i:08x}" not in ctl().stdout, 10)
    watch.keys.read()
    tap.ok(imported and known and not {f"{i:08x}" for i in ids} & watch.keys.current, "keys are imported, and revoked",
           watch.keys.current)


def two_kinds(world):
    """Adds an RSA certificate to the EC one; the patterns of both keys."""
    chain, key = world.home / "rsa.pem", world.home / "rsa-key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90",
                    "-subj", f"/CN={SERVER_NAME}", "-addext", f"subjectAltName=IP:{SERVER_V4}",
                    "-keyout", key, "-out", chain], check=True, stderr=subprocess.DEVNULL)
    text = world.configuration.read_text()
    first = re.search(r"^    - \{chain: .*\n", text, re.M).group()
    world.configuration.write_text(text.replace(first, f"{first}    - {{chain: {chain}, key: {key}}}\n"))
    return [*tls_patterns("ec", world.key), *tls_patterns("rsa", key)]


with Tap() as tap, World("memory") as world:
    control = os.urandom(16).hex()
    world.configure(rotate=f"{ROTATE}s", keep=KEEP, ntp_server=f"{control}.test", threads=2,
                    extra="metrics:\n  listen: 127.0.0.1:9460\n")
    watch = Watch(tap, world, control.encode(), two_kinds(world))
    world.start()
    children = world.children()
    probe = Probe(world)
    # A library's function that is called for the first time has the registers saved on the stack.
    first = probe.ke()
    watch.clients = {which: bytes.fromhex(first[which]) for which in ("c2s", "s2c")}
    watch.look("the first exchange")
    for rotation in range(1, ROTATIONS + 1):
        tap.ok(watch.await_rotation(), "CK-5: the keys rotate", world.server_tail())
        if rotation > 1:
            watch.look(f"rotation {rotation}, before it is used")
        cookies, verdicts, load, watch.clients = traffic(world, probe, LAST[rotation - 1])
        tap.note(load)
        tap.equal((cookies, verdicts), ([8] * 3, ["authenticated"] * 4 + ["nak"] * 3),
                  "EXP-1: exchanges and requests are answered, or refused, as they deserve")
        tap.ok(load["verified"] > 0, "EXP-1: and so are many at once", load)
        time.sleep(IDLE)
        watch.look(f"rotation {rotation}, after traffic")
    replaced = watch.tls
    watch.tls = [(name.replace("tls", "replaced", 1), octets) for name, octets in replaced]
    watch.tls += new_pairs(world)
    got = subprocess.run([BUILD / "noonmarkctl", "--socket", world.control_socket, "reload"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tap.equal(got.returncode, 0, "a reload replaces the certificates")
    tap.note(got.stdout)
    import_and_revoke(tap, world, watch)
    time.sleep(IDLE)
    watch.look("new certificates, an imported key revoked")
    tap.equal(world.children(), children, "F3: no process took the scan for a fault of its own")

    for role in ("supervisor", *children):
        tap.ok({(role, "control", "control"), (role, "planted", "below"), (role, "planted", "vector")}
               <= watch.seen, f"the scan sees: {role}'s configuration, and what was planted below "
               "its stack and in a register", sorted(watch.seen))
    tap.ok({("control", "cookie", "round"), ("ke", "cookie", "round"), ("ke", "tls", "limbs"),
            ("dataplane", "cookie", "round")} <= watch.seen,
           "the scan sees: keys where they must be", sorted(watch.seen))
