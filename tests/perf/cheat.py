"""An NTS server for tests of NTS clients: it notes all that a client does wrong, and cheats in its
own replies when told to, with seals that are right. Cookies are random octets; what they stand for
is kept in a table, so that every use of each is known.

    cheat.py --certificate FILE --key FILE --report FILE [--ke CHEAT] [--ntp CHEAT] [--every K]

It prints "ready" when it serves; at SIGTERM it writes the report (JSON). At SIGUSR1 it forgets all
cookies. Cheats in every K-th reply (those marked + are none: a client must accept them
where the request has placeholders, which make room):

    cookies:N         N cookies, whatever was asked for (fewer: +)
    same-cookie       one cookie as often as asked for
    spent-cookie      the request's cookie once more, in place of the last
    clear-cookie      one in the clear besides
    short-cookie      cookies of 64 octets
    sealed-by-client  sealed under the client's key
    no-identifier  two-identifiers  no-seal  two-seals
    stratum:N  version:N  mode:N  leap:N  origin  zero-transmit   properly sealed
    inner-field  long-nonce  pad  behind  outer-field     +
    nak  silence
    gullible          answers forged requests as if they were genuine (all of them)
    fuzz:SEED         random octets, or spoiled cookies, in the ciphertext

and in NTS-KE, in every exchange:

    server:NAME  port:N   where NTP is
    cookies:N  short-cookie
    error:N  warning:N  critical-unknown  unknown(+)  aead:N  no-aead  no-protocol  other-protocol
    no-end  half  nothing  garbage  hang  reset  alpn  unknown-records(+)  chunks(+)  slow:MS(+)
    fuzz:SEED         an answer spoiled at random
"""

import argparse
import collections
import json
import math
import os
import pathlib
import random
import signal
import socket
import statistics
import struct
import threading
import time

from openssl import TlsConnection, TlsServer, siv_open, siv_seal

IDENTIFIER, COOKIE, PLACEHOLDER, AUTHENTICATOR = 0x0104, 0x0204, 0x0304, 0x0404
UNKNOWN_FIELD = 0xF323
HEADER, COOKIE_LEN, AEAD = 48, 100, 15
END_OF_MESSAGE = bytes.fromhex("80000000")
UNIX_EPOCH = 2208988800
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33

# These need room in the reply, which is no longer than the request: a cookie's, when several were
# asked for.
LARGER = ("clear-cookie", "two-identifiers", "two-seals", "inner-field", "long-nonce", "pad", "behind",
          "outer-field")


def field(kind, body):
    return struct.pack(">HH", kind, 4 + len(body)) + body


def stamp(seconds):
    return struct.pack(">II", int(seconds) + UNIX_EPOCH & 0xFFFFFFFF, int(seconds % 1 * 2**32))


def seal(key, head, plaintext, nonce_len=16, pad=0):
    nonce = os.urandom(nonce_len)
    sealed = siv_seal(key, nonce, head, plaintext)
    return field(AUTHENTICATOR, struct.pack(">HH", len(nonce), len(sealed)) + nonce + sealed +
                 bytes(-len(sealed) % 4) + bytes(pad))


def spoiled(octets, rng):
    """Some octets changed, taken out, put in, or all cut off; or something random."""
    p = bytearray(octets)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(p)) if p else 0
        what = rng.randrange(6)
        if what == 0 and p:
            p[at] ^= 1 << rng.randrange(8)
        elif what == 1 and p:
            p[at // 4 * 4 + rng.randrange(4):at // 4 * 4 + 4] = rng.randbytes(1)
        elif what == 2:
            del p[at:at + rng.choice((1, 4, 16, 100))]
        elif what == 3:
            p[at:at] = rng.randbytes(rng.choice((1, 4, 16)))
        elif what == 4:
            del p[at:]
        else:
            p = bytearray(rng.randbytes(rng.choice((0, 4, 16, len(p)))))
    return bytes(p)


class Request:
    """A client's packet, taken apart. fault: what is wrong with it, or None."""

    def __init__(self, packet, server):
        self.packet, self.fault = packet, None
        self.fields = collections.defaultdict(list)
        self.placeholders = 0
        if len(packet) < HEADER or len(packet) % 4:
            self.fault = "length"
            return
        at = HEADER
        while at < len(packet) and AUTHENTICATOR not in self.fields:
            if at + 4 > len(packet):
                self.fault = "field"
                return
            kind, length = struct.unpack_from(">HH", packet, at)
            if length < 16 or length % 4 or at + length > len(packet):
                self.fault = "field"
                return
            self.fields[kind].append(packet[at + 4:at + length])
            if kind == AUTHENTICATOR:
                self.fault = self.open(packet[:at], server)
                if self.fault is None and at + length != len(packet):
                    self.fault = "behind the authenticator"
                return
            at += length

    def one(self, kind):
        return self.fields[kind][0] if len(self.fields[kind]) == 1 else None

    def secure(self):
        return AUTHENTICATOR in self.fields

    def open(self, head, server):
        identifier, cookie = self.one(IDENTIFIER), self.one(COOKIE)
        if identifier is None or len(identifier) < 32:
            return "identifier"
        if cookie is None:
            return "cookies"
        body = self.one(AUTHENTICATOR)
        n, c = struct.unpack_from(">HH", body)
        nonce, at = body[4:4 + n], 4 + (n + 3) // 4 * 4
        sealed = body[at:at + c]
        if n < 16 or c < 16 or len(sealed) != c:
            return "authenticator"
        self.keys = server.jar.get(cookie)
        if self.keys is None:
            return "unknown cookie"
        plaintext = siv_open(self.keys[0], nonce, head, sealed)
        if plaintext is None:
            return "tag"
        for other in self.fields[PLACEHOLDER]:
            if len(other) != len(cookie):
                return "placeholder"
        self.placeholders = len(self.fields[PLACEHOLDER])
        server.note_once("nonces_repeated", nonce)
        server.uses[cookie] += 1
        return None


class Server:
    def __init__(self, options):
        self.options = options
        self.jar = {}  # cookie: (c2s, s2c)
        self.uses = collections.Counter()
        self.seen = collections.defaultdict(set)
        self.count = collections.Counter()
        self.faults = collections.Counter()
        self.lengths = collections.Counter()
        self.placeholders = collections.Counter()
        self.first_octets = collections.Counter()
        self.sources = set()
        self.arrivals = []
        self.clients = set()  # key pairs that have been used
        self.replies = 0
        self.ended = False
        self.cheat, _, self.argument = options.ntp.partition(":")
        self.rng = random.Random(options.ke + options.ntp)
        self.tls = TlsServer(options.certificate, options.key,
                             b"http/1.1" if options.ke == "alpn" else b"ntske/1")

    def note_once(self, name, what):
        if what in self.seen[name]:
            self.count[name] += 1
        self.seen[name].add(what)

    def mint(self, keys, length=COOKIE_LEN):
        cookie = os.urandom(length)
        self.jar[cookie] = keys
        return cookie

    # NTP

    def header(self, request, arrived):
        first = request.packet[0] & 0x38 | 4
        return bytes([first, 1, request.packet[2], 0xE8]) + bytes(8) + b"TEST" + \
            stamp(arrived - 10) + request.packet[40:48] + stamp(arrived) + stamp(time.time())

    def cheated_header(self, head):
        number = int(self.argument or 0)
        if self.cheat == "stratum":
            return head[:1] + bytes([number]) + head[2:]
        if self.cheat == "version":
            return bytes([head[0] & 0xC7 | number << 3]) + head[1:]
        if self.cheat == "mode":
            return bytes([head[0] & 0xF8 | number]) + head[1:]
        if self.cheat == "leap":
            return bytes([head[0] & 0x3F | number << 6]) + head[1:]
        if self.cheat == "origin":
            return head[:24] + os.urandom(8) + head[32:]
        if self.cheat == "zero-transmit":
            return head[:40] + bytes(8)
        return head

    def cookies(self, request, cheat):
        n = 1 + request.placeholders
        if cheat in LARGER and n > 1:
            n -= 1
        if cheat == "cookies":
            n = int(self.argument)
        length = 64 if cheat == "short-cookie" else len(request.one(COOKIE))
        cookies = [self.mint(request.keys, length) for _ in range(min(n, 30))]
        if cheat == "same-cookie":
            cookies = cookies[:1] * len(cookies)
        if cheat == "spent-cookie":
            cookies[-1] = request.one(COOKIE)
        return b"".join(field(COOKIE, c) for c in cookies)

    def sealed(self, request, arrived, cheat):
        head = self.header(request, arrived)
        identifier = field(IDENTIFIER, request.one(IDENTIFIER))
        if cheat == "nak":
            return bytes([0xC0 | head[0] & 0x3F, 0]) + head[2:12] + b"NTSN" + head[16:] + identifier
        if cheat:
            head = self.cheated_header(head)
        key = request.keys[0 if cheat == "sealed-by-client" else 1]
        inside = self.cookies(request, cheat)
        if cheat == "fuzz":
            inside = spoiled(inside, self.rng)
        if cheat != "no-identifier":
            head += identifier
        if cheat == "two-identifiers":
            head += identifier
        if cheat == "outer-field":
            head += field(UNKNOWN_FIELD, bytes(12))
        if cheat == "inner-field":
            inside = field(UNKNOWN_FIELD, bytes(16)) + inside
        if cheat == "clear-cookie":
            head += field(COOKIE, self.mint(request.keys))
        if cheat == "no-seal":
            return head
        reply = head + seal(key, head, inside, 32 if cheat == "long-nonce" else 16,
                            24 if cheat == "pad" else 0)
        if cheat == "two-seals":
            reply += seal(key, reply, b"")
        if cheat == "behind":
            reply += field(UNKNOWN_FIELD, bytes(24))
        return reply

    def answer(self, packet, source, arrived):
        self.count["requests"] += 1
        self.arrivals.append(arrived)
        self.sources.add(source[:2])
        self.lengths[len(packet)] += 1
        request = Request(packet, self)
        if request.fault is not None:
            self.faults[request.fault] += 1
            if request.fault == "tag" and self.cheat == "gullible":
                return self.sealed(request, arrived, "")
            if request.fault in ("unknown cookie", "tag"):
                return self.refuse(request, arrived)
            return None
        self.first_octets[packet[0]] += 1
        self.note_once("transmits_repeated", packet[40:48])
        if not request.secure():
            self.count["plain"] += 1
            return self.header(request, arrived)
        self.count["sealed"] += 1
        self.placeholders[request.placeholders] += 1
        self.note_once("identifiers_repeated", request.one(IDENTIFIER))
        self.clients.add(request.keys)
        self.replies += 1
        cheat = ""
        if self.cheat not in ("none", "gullible") and self.replies % self.options.every == 0:
            self.count["cheats"] += 1
            cheat = self.cheat
        return None if cheat == "silence" else self.sealed(request, arrived, cheat)

    def refuse(self, request, arrived):
        head = self.header(request, arrived)
        return bytes([0xC0 | head[0] & 0x3F, 0]) + head[2:12] + b"NTSN" + head[16:] + \
            field(IDENTIFIER, request.one(IDENTIFIER))

    def serve_ntp(self):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        s.bind(("::", self.options.udp_port))
        s.settimeout(0.05)
        threading.Thread(target=self.serve_ke, args=(self.listen(),), daemon=True).start()
        print("ready", flush=True)
        while not self.ended:
            try:
                packet, extra, _, source = s.recvmsg(4096, 256)
            except (TimeoutError, InterruptedError):
                continue
            arrived = time.time()
            for _, kind, data in extra:
                if kind == SO_TIMESTAMPNS:
                    seconds, ns = struct.unpack("qq", data[:16])
                    arrived = seconds + ns / 1e9
            reply = self.answer(packet, source, arrived)
            if reply is not None:
                try:
                    s.sendto(reply, source)
                except OSError:
                    self.count["not_sent"] += 1

    # NTS-KE

    def response(self, keys):
        """The records of an answer, as the cheat has it."""
        cheat, _, argument = self.options.ke.partition(":")

        def record(kind, body=b"", critical=True):
            return struct.pack(">HH", kind | critical << 15, len(body)) + body

        def numbers(n):
            return struct.pack(">H", int(n))

        end = record(0)
        if cheat == "error":
            return record(2, numbers(argument)) + end
        if cheat == "garbage":
            return os.urandom(300)
        records = []
        if cheat != "no-protocol":
            records.append(record(1, numbers(0x8001 if cheat == "other-protocol" else 0)))
        if cheat != "no-aead":
            records.append(record(4, numbers(argument if cheat == "aead" else AEAD)))
        if cheat == "warning":
            records.append(record(3, numbers(argument)))
        if cheat == "critical-unknown":
            records.append(record(2000))
        if cheat == "unknown-records":
            records.insert(0, record(2000, os.urandom(33), False))
            records.append(record(16385, b"", False))
        if cheat == "server":
            records.append(record(6, argument.encode()))
        if cheat == "port":
            records.append(record(7, numbers(argument)))
        for _ in range(int(argument) if cheat == "cookies" else 8):
            records.append(record(5, self.mint(keys, 64 if cheat == "short-cookie" else COOKIE_LEN),
                                  False))
        if cheat != "no-end":
            records.append(end)
        response = b"".join(records)
        if cheat == "fuzz":
            return spoiled(response, self.rng)
        return response[:len(response) // 2] if cheat == "half" else response

    def exchange(self, connection):
        tls = TlsConnection(self.tls, connection)
        cheat, _, argument = self.options.ke.partition(":")
        notify = True
        try:
            if cheat == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if not tls.accept():
                self.count["ke_failed"] += 1
                return
            request = b""
            while not request.endswith(END_OF_MESSAGE):
                more = tls.read()
                if not more:
                    self.count["ke_aborted"] += 1
                    return
                request += more
            self.count["ke_requests"] += 1
            keys = tuple(tls.export(struct.pack(">HHB", 0, AEAD, direction), 32)
                         for direction in (0, 1))
            if cheat == "hang":
                time.sleep(30)
            if cheat == "nothing":
                return
            if cheat == "slow":
                time.sleep(int(argument) / 1000)
            response = self.response(keys)
            size = 7 if cheat == "chunks" else max(len(response), 1)
            for at in range(0, len(response), size):
                tls.write(response[at:at + size])
            self.count["ke_answered"] += 1
        finally:
            tls.close(notify and cheat != "reset")

    def listen(self):
        s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", self.options.ke_port))
        s.listen(512)
        return s

    def serve_ke(self, listener):
        while True:
            connection, _ = listener.accept()
            self.count["ke_connections"] += 1
            threading.Thread(target=self.exchange, args=(connection,), daemon=True).start()

    # the report

    def gaps(self):
        """Of arrivals: their mean, and percentiles in units of it."""
        arrivals = sorted(self.arrivals)
        gaps = [b - a for a, b in zip(arrivals, arrivals[1:])]
        if len(gaps) < 2:
            return dict.fromkeys(("mean_s", "span_s", "p10", "p50", "p90"), math.nan)
        mean, gaps = statistics.fmean(gaps), sorted(gaps)
        return {"mean_s": mean, "span_s": arrivals[-1] - arrivals[0],
                **{f"p{p}": gaps[len(gaps) * p // 100] / mean for p in (10, 50, 90)}}

    def report(self):
        return {"requests": 0, **self.count, "faults": self.faults, "lengths": self.lengths,
                "placeholders": self.placeholders, "first_octets": self.first_octets,
                "sources": len(self.sources), "addresses": len({s[0] for s in self.sources}),
                "clients": len(self.clients), "cookies_used": len(self.uses),
                "cookies_reused": sum(n - 1 for n in self.uses.values()),
                "cookie_most_used": max(self.uses.values(), default=0), "gaps": self.gaps()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--ke-port", type=int, default=4460)
    parser.add_argument("--udp-port", type=int, default=123)
    parser.add_argument("--ke", default="none")
    parser.add_argument("--ntp", default="none")
    parser.add_argument("--every", type=int, default=10)
    server = Server(parser.parse_args())

    def end(*_):
        server.ended = True

    def forget(*_):
        server.jar = {}

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR1, forget)
    server.serve_ntp()
    pathlib.Path(server.options.report).write_text(json.dumps(server.report()))


if __name__ == "__main__":
    main()
