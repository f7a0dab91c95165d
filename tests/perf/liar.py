"""A UDP proxy that changes replies: it is between clients and a real NTP server, forwards requests
unchanged, and makes one change to every k-th reply. It has no keys.

    liar.py --port 10123 --to 10.123.0.1 123 --every 10 --report FILE flip:tag

Each client (address and port) has a socket of its own towards the server, so that the server sees
as many clients as there are. It prints "ready" when it listens; at SIGTERM it writes what it did,
as JSON, to the report: requests, replies (of the server), lies, and for `swap` held, a reply that
waits for a partner. Lies:

    none
    flip:PLACE      one bit of: leap version mode stratum refid origin receive transmit identifier
                    nonce tag ciphertext authenticator-type
    zero:PLACE      all octets of: origin receive transmit
    stratum:N       another stratum
    cut:N           N octets less
    keep:N          only the first N octets
    grow:N          N zero octets behind
    field:N         a well-formed extension field of N octets behind
    junk:N          N random octets in its place
    repeat  repeat:MS   the reply, and the same again (that much later)
    swap            two clients' replies, each to the other
    nak             an NTS NAK with the client's identifier in its place
    kiss:CODE       a kiss-o'-death with that code in its place
    delay:MS        later
    drop            never
    unsolicited     the reply, and before it a reply to a request that nobody sent
    stranger        the reply, but from another port
    fuzz:SEED       something random done to its octets, behind the first 32
"""

import argparse
import heapq
import itertools
import json
import os
import pathlib
import random
import selectors
import signal
import socket
import struct
import time

HEADER = 48
SO_RCVBUFFORCE = 33
AT = {"leap": (0, 0x40), "version": (0, 0x08), "mode": (0, 0x01), "stratum": (1, 0x10),
      "refid": (12, 0x01), "origin": (31, 0x01), "receive": (39, 0x01), "transmit": (47, 0x01)}
UNIQUE_IDENTIFIER, AUTHENTICATOR = 0x0104, 0x0404


def fields(packet):
    """(type, where it begins, length) of each extension field."""
    at = HEADER
    while at + 4 <= len(packet):
        kind, length = struct.unpack_from(">HH", packet, at)
        if length < 4 or at + length > len(packet):
            return
        yield kind, at, length
        at += length


def find(packet, wanted):
    for kind, at, length in fields(packet):
        if kind == wanted:
            return at, length
    return None


def place(packet, name):
    """(octet, bit) of a place, None where the packet has none."""
    if name in AT:
        return AT[name]
    if name == "identifier":
        found = find(packet, UNIQUE_IDENTIFIER)
        return found and (found[0] + 4 + 17, 0x10)
    found = find(packet, AUTHENTICATOR)
    if found is None:
        return None
    nonce = struct.unpack_from(">H", packet, found[0] + 4)[0]
    cipher = found[0] + 8 + (nonce + 3) // 4 * 4
    return {"authenticator-type": (found[0], 0x40), "nonce": (found[0] + 8, 0x01),
            "tag": (cipher + 3, 0x80),  # AES-SIV: the tag stands first
            "ciphertext": (cipher + 16 + 50, 0x01)}[name]


def flipped(packet, name):
    where = place(packet, name)
    if where is None or where[0] >= len(packet):
        return None
    changed = bytearray(packet)
    changed[where[0]] ^= where[1]
    return bytes(changed)


def refusal(packet, code):
    """A kiss-o'-death in the reply's place; only the identifier of its fields stays."""
    found = find(packet, UNIQUE_IDENTIFIER)
    identifier = packet[found[0]:found[0] + found[1]] if found else b""
    head = bytes([0xC0 | packet[0] & 0x3F, 0]) + packet[2:12] + code.encode().ljust(4, b"\0")
    return head + packet[16:HEADER] + identifier


def fuzzed(packet, rng):
    """Octets changed, taken out, put in or cut off; the origin stays, so that it is a reply to
    something."""
    p = bytearray(packet)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if len(p) <= 32:
            break
        at = rng.randrange(32, len(p))
        what = rng.randrange(5)
        if what == 0:
            p[at] ^= 1 << rng.randrange(8)
        elif what == 1:  # a field's length, often
            at = rng.choice([f for _, f, _ in fields(bytes(p))] or [at])
            p[at + 2:at + 4] = rng.choice((0, 1, 4, 15, 16, 28, 252, 1023, 65532, 65535,
                                           rng.randrange(65536))).to_bytes(2, "big")
        elif what == 2:
            del p[at:at + rng.choice((1, 4, 16, 100))]
        elif what == 3:
            p[at:at] = rng.randbytes(rng.choice((1, 4, 16, 100)))
        else:
            del p[at:]
    return bytes(p) if p != packet else bytes(p) + b"x"


class Liar:
    def __init__(self, options):
        self.server = (options.to[0], int(options.to[1]))
        self.every = options.every
        self.kind, _, self.argument = options.lie.partition(":")
        self.selector = selectors.DefaultSelector()
        self.door = self.listen(options.port)
        self.other_door = self.listen(0)  # the stranger's
        self.selector.register(self.door, selectors.EVENT_READ)
        self.upstream = {}  # client: socket
        self.later = []
        self.order = itertools.count()
        self.held = None
        self.report = {"requests": 0, "replies": 0, "lies": 0, "held": 0}
        self.ended = False
        self.rng = random.Random(self.argument)

    @staticmethod
    def listen(port):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        s.bind(("::", port))
        s.setblocking(False)
        return s

    def towards(self, client):
        s = self.upstream.get(client)
        if s is None:
            family = socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.connect(self.server)
            s.setblocking(False)
            self.upstream[client] = s
            self.selector.register(s, selectors.EVENT_READ, client)
        return s

    def give(self, packet, client, after_ms=0.0, door=None):
        if after_ms > 0:
            heapq.heappush(self.later, (time.monotonic() + after_ms / 1000, next(self.order),
                                        packet, client))
            return
        try:
            (door or self.door).sendto(packet, client)
        except OSError:
            pass  # the client has gone

    def changed(self, reply):
        """The reply as a lie that changes octets leaves it; None when it does not apply."""
        number = int(self.argument) if self.argument.isdigit() else 0
        if self.kind == "flip":
            return flipped(reply, self.argument)
        if self.kind == "zero":
            at = {"origin": 24, "receive": 32, "transmit": 40}[self.argument]
            return reply[:at] + bytes(8) + reply[at + 8:]
        if self.kind == "stratum":
            return reply[:1] + bytes([number]) + reply[2:]
        if self.kind == "cut":
            return reply[:-number]
        if self.kind == "keep":
            return reply[:number]
        if self.kind == "grow":
            return reply + bytes(number)
        if self.kind == "field":
            return reply + struct.pack(">HH", 0xF323, number) + bytes(number - 4)
        if self.kind == "junk":
            return os.urandom(number)
        if self.kind == "fuzz":
            return fuzzed(reply, self.rng)
        if self.kind == "nak":
            return refusal(reply, "NTSN")
        if self.kind == "kiss":
            return refusal(reply, self.argument)
        raise SystemExit(f"no such lie: {self.kind}")

    def lie(self, reply, client):
        told = 1
        if self.kind == "drop":
            pass
        elif self.kind == "delay":
            self.give(reply, client, float(self.argument))
        elif self.kind == "repeat":
            self.give(reply, client)
            self.give(reply, client, float(self.argument or 0))
        elif self.kind == "stranger":
            self.give(reply, client, door=self.other_door)
        elif self.kind == "unsolicited":
            found = find(reply, UNIQUE_IDENTIFIER)
            forged = bytearray(reply)
            forged[24:32] = os.urandom(8)
            if found:
                forged[found[0] + 4:found[0] + found[1]] = os.urandom(found[1] - 4)
            self.give(bytes(forged), client)
            self.give(reply, client)
        elif self.kind == "swap":
            self.held = (reply, client)
            told = 0  # counted with its partner
        else:
            lie = self.changed(reply)
            told = lie is not None
            self.give(reply if lie is None else lie, client)
        self.report["lies"] += told

    def reply(self, packet, client):
        self.report["replies"] += 1
        if self.held is not None and self.held[1] != client:
            other, partner = self.held
            self.held = None
            self.report["lies"] += 2
            self.give(other, client)
            self.give(packet, partner)
        elif self.kind != "none" and self.report["replies"] % self.every == 0 and \
                self.held is None:
            self.lie(packet, client)
        else:
            self.give(packet, client)

    def drain(self, s, client):
        for _ in range(64):
            try:
                if client is None:
                    packet, source = s.recvfrom(4096)
                    self.report["requests"] += 1
                    self.towards(source).send(packet)
                else:
                    self.reply(s.recv(4096), client)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # the server has gone, or is not there yet

    def run(self):
        while not self.ended:
            now = time.monotonic()
            while self.later and self.later[0][0] <= now:
                _, _, packet, client = heapq.heappop(self.later)
                self.give(packet, client)
            wait = min(0.05, self.later[0][0] - now) if self.later else 0.05
            for key, _ in self.selector.select(wait):
                self.drain(key.fileobj, key.data)
        self.report["held"] = self.held is not None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", nargs=2, required=True)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--report", required=True)
    parser.add_argument("lie")
    options = parser.parse_args()
    liar = Liar(options)

    def end(*_):
        liar.ended = True

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    liar.run()
    pathlib.Path(options.report).write_text(json.dumps(liar.report))


if __name__ == "__main__":
    main()
