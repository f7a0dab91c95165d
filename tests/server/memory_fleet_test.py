"""What a fleet's server holds besides (memory_test.py has a single server's keys): the secrets of the fleet's document, the
keys that follow from it, the secret that seals it in etcd, etcd's password and token, and tokens of pools. They lie in
locked memory of the processes that need them; those of a former document are nowhere. F5, CK-5.

etcd is a small server of the test's: the mover cannot tell, and the test has every secret that passes by it."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import threading
import time

from etcd_world import KEY, document
from harness import CONTROL_USER, SERVER_V4, Tap, World, wait_for
from memory_scan import scan, siv_patterns, swapped
from probe import Probe

ROTATE_S, KEEP = 15, 1
IDLE = 0.8  # s: by then a retired key has left an idle process (ke looks each 0.5 s)
BOARD = "/memfd:noonmark-control"
COPY = "/memfd:noonmark-tokens"  # of a file of secrets, which the supervisor keeps for the next ke
# Whose memory may have it. The text of a document is its file's.
HOLDERS = {"secret": ("control", "etcd"), "key": ("control", "ke", "dataplane"), "seal": ("etcd",),
           "password": ("etcd",), "token": ("etcd",), "pool": ("supervisor", "ke")}


class Gateway(http.server.ThreadingHTTPServer):
    """One key of etcd, for those who have a token. Its thread is in the server's namespace."""

    def __init__(self, password):
        self.value, self.revision, self.password, self.tokens = None, 1, password, []
        super().__init__(("127.0.0.1", 2379), Answers)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, path, ask, token):
        header = {"header": {"revision": str(self.revision)}}
        if path == "/v3/auth/authenticate" and ask["password"] == self.password:
            self.tokens.append(os.urandom(24).hex())
            return 200, {**header, "token": self.tokens[-1]}
        if not self.tokens or token != self.tokens[-1]:
            return 401, {"error": "invalid auth token", "code": 16, "message": "invalid auth token"}
        if path == "/v3/kv/txn":
            self.value, self.revision = ask["success"][0]["request_put"]["value"], self.revision + 1
            return 200, {**header, "succeeded": True}
        pair = {"key": base64.b64encode(KEY.encode()).decode(), "mod_revision": str(self.revision), "value": self.value}
        return 200, {**header, **({"kvs": [pair]} if self.value else {})}


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = self.server.answer(self.path, ask, self.headers.get("Authorization"))
        octets = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_):
        pass


def period_key(secret, period):
    """HKDF of RFC 5869 as fleet/derive.h has it."""
    extracted = hmac.new(period.to_bytes(8, "big"), secret, hashlib.sha256).digest()
    return hmac.new(extracted, b"noonmark cookie v1 AEAD 15\x01", hashlib.sha256).digest()


def period_id(secret, period):
    mac = hmac.new(secret, b"noonmark id" + period.to_bytes(8, "big"), hashlib.sha256).digest()
    return "%08x" % (int.from_bytes(mac[:4], "big") & ~0x1e | (period & 15) << 1)


def secret_patterns(name, secret):
    """A secret of 32 octets: as such, as its file's digits, and in the forms of HMAC-SHA256."""
    yield f"{name}-octets", secret
    yield f"{name}-swapped", swapped(secret)
    yield f"{name}-digits", secret.hex().encode()
    yield f"{name}-digits-swapped", swapped(secret.hex().encode())
    for pad in (0x36, 0x5c):
        yield f"{name}-pad{pad:x}", bytes(octet ^ pad for octet in secret)
        yield f"{name}-pad{pad:x}-swapped", swapped(bytes(octet ^ pad for octet in secret))


class Fleet(World):
    """With everything that a server of a fleet can have."""

    def secret_file(self, name, text):
        path = self.runtime / "secrets" / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text(text + "\n")
        path.chmod(0o600)
        os.chown(path, *map(int, CONTROL_USER.split(":")))
        return path

    def configure_fleet(self, seal, password, pool):
        self.configure(keep=KEEP)
        self.document = self.keys_file.parent / "fleet"
        self.keys_file.parent.mkdir(mode=0o700)
        os.chown(self.keys_file.parent, *map(int, CONTROL_USER.split(":")))
        fleet = f"""\
  fleet:
    file: {self.document}
    etcd: ["http://127.0.0.1:2379"]
    key: {KEY}
    seal: {self.secret_file("seal", seal.hex())}
    user: node
    password_file: {self.secret_file("password", password)}
    lead: 1h
  keep:"""
        text = self.configuration.read_text().replace("  keep:", fleet)
        tokens = self.home / "tokens"
        tokens.write_text(pool + "\n")
        tokens.chmod(0o600)
        self.configuration.write_text(text.replace("control:\n", f"control:\n  pool: {{tokens: {tokens}}}\n", 1))

    def put(self, text):
        got = self.server.run(self.binary.parent / "noonmark-etcd", "-c", self.configuration, "put", "-", input=text,
                              capture_output=True, check=False)
        if got.returncode != 0:
            raise RuntimeError(f"put: {got}")

    def ids(self):
        return {key["id"] for key in self.status()["keys"]}


class Watch:
    def __init__(self, tap, world, gateway, first, secrets):
        self.tap, self.world, self.gateway = tap, world, gateway
        self.first = first  # period
        self.secrets = secrets  # {name: secret} of documents
        self.others = {}  # {name: octets}
        self.seen = set()

    def patterns(self):
        """All that there has been; {id: name} of the keys."""
        made, names = [], {}
        for name, secret in self.secrets.items():
            made += secret_patterns(f"secret-{name}", secret)
        for period in range(self.first - KEEP - 1, int(time.time()) // ROTATE_S + 2):
            for name, secret in self.secrets.items():
                names[f"{name}{period}"] = period_id(secret, period)
                made += siv_patterns(f"key-{name}{period}", period_key(secret, period))
        for name, octets in self.others.items():
            made += secret_patterns(name, octets) if len(octets) == 32 else [(f"{name}-octets", octets)]
        for i, token in enumerate(self.gateway.tokens):
            made.append((f"token-{i}-octets", token.encode()))
        return made, names

    def look(self, when, gone):
        """gone: names of the documents that are to be nowhere."""
        for _ in range(5):
            time.sleep(max(0, time.time() // ROTATE_S * ROTATE_S + IDLE - time.time()))
            before, began = self.world.ids(), time.monotonic()
            made, names = self.patterns()
            n_tokens = len(self.gateway.tokens)
            processes = {"supervisor": self.world.noonmarkd.pid, **self.world.children()}
            got = {role: scan(pid, made) for role, pid in processes.items()}
            if self.world.ids() == before and len(self.gateway.tokens) == n_tokens:
                break
        else:
            raise RuntimeError(f"the keys rotated under each scan, {when}")
        self.tap.note(f"{when}: {len(made)} patterns, {time.monotonic() - began:.2f} s")
        for role, (places, unread) in got.items():
            faults = set()
            for found in places:
                fault = self.wrong(role, found, gone, names, before, n_tokens)
                kind, form = found.name.split("-")[0], found.name.split("-")[-1].rstrip("0123456789")
                if fault:
                    faults.add(f"{fault}: {found.line}")
                else:
                    self.seen.add((role, kind, form))
            self.tap.ok(not faults and not unread, f"F5, CK-5: {role}, {when}: a fleet's secrets in locked memory alone, "
                        "those of former documents and periods nowhere", "\n".join([*sorted(faults)[:40], *unread]))

    def wrong(self, role, found, gone, names, ids, n_tokens):
        """What is wrong with a secret in that place; None when it may be there."""
        kind, name = (found.name.split("-") + [""])[:2]
        if kind == "planted":
            return None
        if role not in HOLDERS[kind]:
            return "not this process's to hold"
        if kind == "secret" and name in gone:
            return "of a former document"
        if kind == "key" and names[name] not in ids:
            return "of another period"
        if kind == "token" and int(name) < n_tokens - 1:
            return "of a former session"
        if found.where != "memory":
            return "on a stack or in a register"
        if "lo" not in found.flags:
            return "not locked"
        if role == "supervisor":
            return None if found.mapping.startswith(COPY) and "dd" in found.flags else "not in the copy of its file"
        if "sh" in found.flags and not found.mapping.startswith(BOARD):
            return "shared"
        # libcurl and jansson have memory of their own, of a process that cannot be dumped.
        if kind in ("secret", "key", "seal") and "dd" not in found.flags:
            return "not kept out of dumps"
        return None


def asked(probe):
    got = probe.ke()
    keys = ["--c2s", got["c2s"], "--s2c", got["s2c"], "--cookie", got["cookies"][0], "--ntp-address", SERVER_V4]
    return probe.nts(*keys)[0]["verdict"]


with Tap() as tap, Fleet("memory_fleet") as world:
    secrets = {name: os.urandom(32) for name in ("a", "b", "c", "d")}
    seal, password, pool = os.urandom(32), os.urandom(20).hex(), os.urandom(20).hex()
    world.configure_fleet(seal, password, pool)
    with world.server.entered():
        gateway = Gateway(password)
    now = int(time.time())
    begin, edge, until = now - 60, now + 4000, now + 9000
    world.put(document(1, [begin, edge, until], [secrets["a"].hex(), secrets["b"].hex()], ROTATE_S))
    world.start()
    watch = Watch(tap, world, gateway, now // ROTATE_S, secrets)
    watch.others = {"seal-0": seal, "password-0": password.encode(), "pool-0": pool.encode()}
    probe = Probe(world)
    tap.equal(asked(probe), "authenticated", "the server has its document from etcd, and serves")
    watch.look("the first document", ("c", "d"))

    # Its `revoke` lines drop the keys of the first one at once. Who puts it gets a token, which ends the mover's.
    revoked = world.ids()
    world.put(document(2, [begin, edge, until], [secrets["c"].hex(), secrets["d"].hex()], ROTATE_S, sorted(revoked)))
    tap.ok(wait_for(lambda: "serial 2, fingerprint" in world.noonmarkd.log.read_text(), 10), "another document is in force",
           world.server_tail())
    former = {period_id(secrets["a"], now // ROTATE_S + i) for i in range(-3, 60)}
    tap.ok(wait_for(lambda: not former & world.ids(), 20, 0.2), "and no key of the former one is kept any more", world.ids())
    tap.equal(asked(probe), "authenticated", "the server serves on")
    watch.look("another document", ("a", "b"))
    tap.ok({("control", "secret", "octets"), ("control", "key", "round"), ("ke", "key", "round"), ("dataplane", "key", "round"),
            ("etcd", "secret", "octets"), ("etcd", "seal", "octets"), ("etcd", "password", "octets"), ("etcd", "token", "octets"),
            ("ke", "pool", "octets"), ("supervisor", "pool", "octets")} <= watch.seen,
           "the scan sees: secrets where they must be", sorted(watch.seen))
