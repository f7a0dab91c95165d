#!/usr/bin/env python3
"""An NTS pool: a client of ours brings keys of its own clients over one connection, and the cookies that it gets are
good at the NTP server. Tokens that a reload replaces, and files of tokens that are wrong. `--sessions N` is the
long form. Prints TAP."""

import argparse
import os
import socket
import ssl
import subprocess

from harness import BUILD, KE_PORT, PATIENCE_S, SERVER_V4, Tap, World, wait_for
from probe import AEAD, END, PROTOCOL, Probe, numbers, record

KEEP, PROTOCOLS, AEADS = record(8, critical=False), record(9), record(10)
ERROR_0 = record(2, numbers(0)) + END
CLIENT_KEYS = os.urandom(64)
ALPHA, BETA = "alpha-" + os.urandom(16).hex(), "beta-" + os.urandom(32).hex()


def authentic(token):
    return record(14, token.encode(), critical=False)


def keys(octets):
    return record(12, octets)


def records(message):
    """[(type with its critical bit, body)] of a message."""
    found = []
    while message:
        kind, n = (int.from_bytes(message[i:i + 2], "big") for i in (0, 2))
        found.append((kind, message[4:4 + n]))
        message = message[4 + n:]
    return found


class Pool:
    """A connection of a pool to NTS-KE."""

    def __init__(self, world, token=ALPHA):
        self.token = token
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["ntske/1"])
        context.load_verify_locations(world.certificate)
        context.check_hostname = False
        plain = world.client.socket(kind=socket.SOCK_STREAM)
        plain.settimeout(PATIENCE_S)
        plain.connect((SERVER_V4, KE_PORT))
        self.tls = context.wrap_socket(plain)

    def ask(self, *parts):
        """The answer's octets; b"" at the end of the connection."""
        self.tls.sendall(authentic(self.token) + b"".join(parts) + END)
        got = b""
        while not got.endswith(END):
            octets = self.tls.recv(4096)
            if not octets:
                break
            got += octets
        return got

    def session(self, octets):
        """The cookies for a client's keys, and whether the connection stays."""
        found = records(self.ask(KEEP, keys(octets), PROTOCOL, AEAD))
        return [body for kind, body in found if kind == 5], (8, b"") in found

    def ended(self):
        try:
            return self.tls.recv(1) == b""
        except ssl.SSLEOFError:
            return True


def write_tokens(world, *lines):
    path = world.home / "tokens"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


def ctl(world, *words):
    return subprocess.run([BUILD / "noonmarkctl", "--socket", world.control_socket, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)


def check(world):
    return subprocess.run(world.server.command(BUILD / "noonmarkd", "--check-config", "-c", world.configuration),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wrong_files(tap, world):
    for lines, said in ((("# none",), "/tokens:2: there is no token"), ((ALPHA, "short"), "/tokens:2: a token of less than 16"),
                        ((ALPHA + " " + BETA,), "/tokens:1: a token has printable")):
        write_tokens(world, *lines)
        got = check(world)
        tap.ok(got.returncode == 1 and said in got.stderr, f"--check-config names the line: {said}", got.stderr)
    write_tokens(world, "# two pools", ALPHA, BETA)
    got = check(world)
    tap.ok(got.returncode == 0, "and finds a good file good", got.stderr)


def good_cookies(world, octets, cookie):
    got = Probe(world).nts("--c2s", octets[:32].hex(), "--s2c", octets[32:].hex(), "--cookie", cookie.hex(),
                           "--ntp-address", SERVER_V4)
    return [line["verdict"] for line in got]


def sessions(tap, world, n):
    pool = Pool(world)
    tap.equal(records(pool.ask(KEEP, PROTOCOLS, AEADS)), [(0x8009, numbers(0)), (0x800a, numbers(15, 32)), (8, b""), (0x8000, b"")],
              "a pool is told what the server has, and the connection stays")
    seen, stayed = set(), True
    for _ in range(n):
        octets = os.urandom(64)
        cookies, stays = pool.session(octets)
        seen.update(cookies)
        stayed &= stays and len(cookies) == 8
    tap.ok(stayed and len(seen) == 8 * n, f"{n} sessions over one connection, no cookie twice")
    tap.equal(good_cookies(world, octets, cookies[0]), ["authenticated"], "Fixed-Key: the cookies are good at the NTP server")
    tap.equal(good_cookies(world, os.urandom(64), cookies[1]), ["nak"], "Fixed-Key: for those keys alone")
    ke = world.status()["ke"]
    tap.equal((ke["pool_sessions"], ke["pool_lists"], ke["pool_open"], ke["completed"]), (n, 1, 1, 0), "the counters say so")
    return pool


def strangers(tap, world):
    wrong = ALPHA[:-1] + chr(ord(ALPHA[-1]) ^ 1)
    other = Pool(world, wrong)
    tap.equal(other.ask(PROTOCOLS), ERROR_0, "KE-4: with a token that is off by one bit the record is an unknown one")
    tap.ok(other.ended(), "and the connection ends")
    answer = Probe(world).ke(record(8, critical=False) + PROTOCOL + AEAD + END)
    tap.ok(answer["error"] == -1 and len(answer["cookies"]) == 8 and all(r["type"] != 8 for r in answer["records"]),
           "KE-4: a client without a token gets no Keep-Alive", str(answer)[:300])
    tap.ok(wait_for(lambda: world.status()["ke"]["pool_denied"] == 1, 5), "the wrong token is counted")


def reload(tap, world, pool):
    tap.equal(found(world, ALPHA[6:].encode()), ["supervisor", "ke"], "P6: ke has the tokens, and the supervisor for the next ke")
    write_tokens(world, BETA)
    got = ctl(world, "reload")
    tap.equal(got.returncode, 0, "a reload takes other tokens")
    tap.equal(pool.ask(KEEP, PROTOCOLS), ERROR_0, "the next request of a pool whose token has gone is refused")
    tap.equal(Pool(world, ALPHA).ask(PROTOCOLS), ERROR_0, "and a new connection of it, too")
    beta = Pool(world, BETA)
    tap.ok(beta.session(CLIENT_KEYS)[1], "the other pool is served on")
    write_tokens(world, BETA, "x")
    got = ctl(world, "reload")
    tap.ok(got.returncode == 1 and "/tokens:2: a token" in got.stderr, "a reload with a wrong file is refused, with its line", got.stderr)
    tap.ok(beta.session(bytes(64))[1], "and the old tokens stay")
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace("pool: {tokens", "# pool: {tokens"))
    got = ctl(world, "reload")
    tap.equal((got.returncode, beta.ask(PROTOCOLS)), (0, ERROR_0), "without the setting nobody is a pool any more")
    tap.ok(beta.ended() and wait_for(lambda: world.status()["ke"]["pool_open"] == 0, 5), "and no connection stays")


def found(world, octets):
    """Which processes have the octets in their memory."""
    have = []
    for name, pid in {"supervisor": world.noonmarkd.pid, **world.children()}.items():
        got = subprocess.run([BUILD / "tests/server/memscan", str(pid)], input=f"secret {octets.hex()}\n",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if got.returncode != 0:
            raise RuntimeError(got.stdout)
        have += [name] if "found secret" in got.stdout else []
    return have


def remains(tap, world):
    tap.equal(found(world, ALPHA[6:].encode()), [], "P6: a token that a reload has removed is in no process any more")
    tap.equal(found(world, CLIENT_KEYS), [], "P6: nor are the keys of a pool's client")


def leaks(tap, world):
    log = world.noonmarkd.log.read_text()
    tap.ok(ALPHA not in log and BETA not in log, "P6: no token in the log")
    tap.equal(world.stop(), 0, "the server has ended well")


arguments = argparse.ArgumentParser()
arguments.add_argument("--sessions", type=int, default=100)
chosen = arguments.parse_args()
with Tap() as tap, World("pool") as world:
    world.configure()
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace("control:\n", f"control:\n  pool: {{tokens: {world.home}/tokens, idle: 60s}}\n", 1))
    wrong_files(tap, world)
    world.start()
    pool = sessions(tap, world, chosen.sessions)
    strangers(tap, world)
    reload(tap, world, pool)
    remains(tap, world)
    leaks(tap, world)
