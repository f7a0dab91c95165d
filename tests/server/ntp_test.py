"""Plain NTP and frames, rule by rule (checklist, sections 5 and 6), against the real server over
AF_XDP: what is answered, what never is, and with what."""

import contextlib
import os
import random
import socket
import struct
import subprocess

from harness import (CLIENT_IF, CLIENT_V4, CLIENT_V6, NTP_PORT, SERVER_IF, SERVER_V4, SERVER_V6,
                     Tap, World, wait_for)
from probe import Probe

ETH_IPV4, ETH_IPV6 = 0x0800, 0x86DD


def request(version=4, mode=3, leap=0, header=None, trailer=b""):
    rest = header if header is not None else bytes(39)
    return bytes((leap << 6 | version << 3 | mode,)) + rest + os.urandom(8) + trailer


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Wire:
    """Frames as they stand, from the client's interface."""

    def __init__(self, world):
        with world.client.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((CLIENT_IF, 0))
        self.mine = mac(world.client, CLIENT_IF)
        self.theirs = mac(world.server, SERVER_IF)

    def udp(self, payload, source=40000, length=None, check=None, v6=False, port=NTP_PORT,
            from_=None, to=None):
        length = 8 + len(payload) if length is None else length
        family = socket.AF_INET6 if v6 else socket.AF_INET
        source_ip = socket.inet_pton(family, from_ or (CLIENT_V6 if v6 else CLIENT_V4))
        to_ip = socket.inet_pton(family, to or (SERVER_V6 if v6 else SERVER_V4))
        head = struct.pack(">HHHH", source, port, length, 0)
        pseudo = source_ip + to_ip + struct.pack(">HH", 17, length)
        right = checksum(pseudo + head + payload) or 0xFFFF
        return struct.pack(">HHHH", source, port, length, right if check is None else check) + \
            payload

    def ipv4(self, packet, flags=0x4000, options=b"", length=None, proto=17, check=None,
             from_=CLIENT_V4, to=SERVER_V4):
        words = 5 + len(options) // 4
        length = words * 4 + len(packet) if length is None else length
        head = struct.pack(">BBHHHBBH", 0x40 | words, 0, length, 1, flags, 64, proto, 0) + \
            socket.inet_aton(from_) + socket.inet_aton(to) + options
        right = checksum(head)
        head = head[:10] + struct.pack(">H", right if check is None else check) + head[12:]
        return head + packet

    def ipv6(self, packet, next_=17, from_=CLIENT_V6, to=SERVER_V6):
        return struct.pack(">IHBB", 6 << 28, len(packet), next_, 64) + \
            socket.inet_pton(socket.AF_INET6, from_) + socket.inet_pton(socket.AF_INET6, to) + packet

    def frame(self, packet, kind=ETH_IPV4, tags=b"", to=None):
        return (to or self.theirs) + self.mine + tags + struct.pack(">H", kind) + packet

    def ask(self, frame, timeout=0.4):
        """Sends a frame; the first NTP reply's frame from the server, or None."""
        self.socket.settimeout(0)
        try:
            while True:
                self.socket.recv(4096)
        except OSError:
            pass
        self.socket.send(frame)
        self.socket.settimeout(timeout)
        try:
            while True:
                got, where = self.socket.recvfrom(4096)
                if where[2] != socket.PACKET_OUTGOING and got[6:12] == self.theirs and \
                        NTP_PORT.to_bytes(2, "big") in got[34:62] and len(got) >= 14 + 28 + 48:
                    return got
        except OSError:
            return None


def mac(namespace, interface):
    text = namespace.run("cat", f"/sys/class/net/{interface}/address", capture_output=True).stdout
    return bytes.fromhex(text.strip().replace(":", ""))


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.probe = tap, world, Probe(world)
        self.wire = Wire(world)

    def answered(self, datagrams, **options):
        """The indices of those that were answered, and that none was answered twice or longer."""
        replies = self.probe.ntp(*datagrams, arguments=options.pop("arguments", ()), **options)
        got = [index for index, _ in replies]
        self.tap.ok(len(set(got)) == len(got) and -1 not in got and
                    all(len(reply) <= len(datagrams[index]) for index, reply in replies),
                    "P1, RSP-7: one reply a request, never longer", got)
        return sorted(got)

    def lengths(self):
        sizes = [n for n in range(0, 52)] + [53, 54, 55, 57, 97, 1001]
        packets = [(request() + bytes(1000))[:n] for n in sizes]
        got = [sizes[i] for i in self.answered(packets)]
        self.tap.equal(got, [48], "NTP-1: of 0 to 51 octets, and uneven ones, only 48 are a request")

    def versions(self):
        want, packets = [], []
        for version in range(8):
            for mode in range(8):
                if (mode == 3 and 1 <= version <= 4) or (version, mode) == (1, 0):
                    want.append(len(packets))
                packets.append(request(version, mode))
        self.tap.equal(self.answered(packets), want,
                       "NTP-2, NTP-3: of 8 versions by 8 modes: modes 3 of 1 to 4, and (1, 0)")
        want.remove(8)
        got = self.answered(packets, arguments=("--source-port", "123"))
        self.tap.equal(got, want, "NTP-2: from port 123 the same without (1, 0) (decision 9)")
        for i, reply in self.probe.ntp(*(request(v) for v in (1, 2, 3, 4)), request(1, 0)):
            self.tap.equal((reply[0] >> 3 & 7, reply[0] & 7), ((i + 1) if i < 4 else 1, 4),
                           "NTP-2: the request's version, mode 4")

    def exchange(self, packet):
        """The reply to that one, awaited."""
        with self.world.client.socket() as s:
            s.settimeout(5)
            s.connect((SERVER_V4, NTP_PORT))
            s.send(packet)
            with contextlib.suppress(OSError):
                return s.recv(2048)

    def header(self):
        tap = self.tap
        packets = [request(leap=n % 4, header=os.urandom(39)) for n in range(64)]
        # One after the other: those of one burst share a moment, and then the fuzz alone tells them apart.
        replies = [(i, reply) for i, packet in enumerate(packets) if (reply := self.exchange(packet))]
        tap.equal(len(replies), 64, "NTP-11: requests with random header fields are all answered")
        wrong = [i for i, r in replies if r[2] != packets[i][2] or r[24:32] != packets[i][40:48]]
        tap.equal(wrong, [], "NTP-11, NTP-2: poll and origin are the request's")
        fixed = {(r[0], r[1], r[3], r[4:8], r[12:16], len(r)) for _, r in replies}
        tap.equal(len(fixed), 1, "NTP-11: nothing else depends on it")
        rec = [int.from_bytes(r[32:40], "big") for _, r in replies]
        xmt = [int.from_bytes(r[40:48], "big") for _, r in replies]
        tap.ok(all(0 < b - a < 1 << 32 for a, b in zip(rec, xmt)),
               "NTP-9: received, then sent, never zero, never the same")
        tap.equal(len({*rec, *xmt}), 128, "NTP-9, NTP-10: no timestamp twice")
        tap.ok(len({t & 0xFF for t in rec + xmt}) > 40, "NTP-10: their low bits vary")
        precision = int.from_bytes(replies[0][1][3:4], "big", signed=True)
        tap.ok(-32 < precision < -10, "NTP-10: the precision is a computer clock's", precision)
        tap.equal(replies[0][1][12:16], b"TEST", "NTP-7: the reference id as configured")
        for zero in (bytes(8),):
            packet = request()[:40] + zero
            with self.world.client.socket() as s:
                s.settimeout(1)
                s.connect((SERVER_V4, NTP_PORT))
                s.send(packet)
                reply = s.recv(100)
            tap.equal(reply[24:32], zero, "CVE-2015-8138: a transmit timestamp of zero comes back "
                      "as it is")

    def reflections(self):
        tap = self.tap
        _, reply = self.probe.ntp(request())[0]
        tap.equal(self.answered([reply]), [], "NTP-3, CVE-2009-3563: our own reply sent back to us")
        wire = self.wire
        for mode in (1, 2, 4, 5, 6, 7):
            payload = request(4, mode)
            frame = wire.frame(wire.ipv4(wire.udp(payload, source=123, from_=SERVER_V4),
                                         from_=SERVER_V4))
            tap.ok(wire.ask(frame, 0.15) is None,
                   f"NTP-3: mode {mode} from the server's own address and port")
        # ntpd's private and control modes, as the amplifiers were asked.
        for what, payload in (("monlist", b"\x17\x00\x03\x2a" + bytes(188)),
                              ("readvar", b"\x16\x02\x00\x01" + bytes(44))):
            tap.equal(self.answered([payload]), [], f"CVE-2013-5211: {what} gets nothing")

    def ports(self):
        tap, wire = self.tap, self.wire
        for port in (1, 53, 123, 4460, 32768, 65535):
            frame = wire.frame(wire.ipv4(wire.udp(request(), source=port)))
            tap.ok(wire.ask(frame, 1) is not None, f"NTP-12: from port {port}")
        frame = wire.frame(wire.ipv4(wire.udp(request(), source=0)))
        tap.ok(wire.ask(frame) is None, "NTP-12: from port 0: silence")

    def frames(self):
        """EF-8, RSP-9, CVE-2016-9312."""
        tap, wire = self.tap, self.wire

        def heard(what, frame):
            got = wire.ask(frame, 1)
            tap.ok(got is not None, f"EF-8: {what}: answered")
            return got

        def silent(what, frame):
            tap.ok(wire.ask(frame) is None, f"EF-8: {what}: silence")

        got = heard("IPv4", wire.frame(wire.ipv4(wire.udp(request()))))
        ip, udp = got[14:34], got[34:]
        pseudo = ip[12:20] + struct.pack(">HH", 17, len(udp))
        tap.equal((checksum(ip), checksum(pseudo + udp), ip[6:8]), (0, 0, b"\x40\x00"),
                  "EF-8, RSP-9: both checksums right, DF set")
        got = heard("IPv6", wire.frame(wire.ipv6(wire.udp(request(), v6=True)), ETH_IPV6))
        ip, udp = got[14:54], got[54:]
        pseudo = ip[8:40] + struct.pack(">HH", 17, len(udp))
        tap.equal(checksum(pseudo + udp), 0, "EF-8: the UDP checksum over IPv6 is right")
        for tags in (b"\x81\x00\x20\x05", b"\x88\xa8\x00\x07\x81\x00\x00\x05"):
            got = heard(f"{len(tags) // 4} VLAN tags",
                        wire.frame(wire.ipv4(wire.udp(request())), tags=tags))
            # A capturing socket gets the outermost tag beside the frame, not in it.
            tap.ok(got is not None and got[12:].startswith((tags + b"\x08\x00", tags[4:] + b"\x08\x00")),
                   "EF-8: and the reply bears them, too", got and got[:24].hex())
        silent("3 VLAN tags", wire.frame(wire.ipv4(wire.udp(request())),
                                         tags=b"\x88\xa8\x00\x07\x88\xa8\x00\x07\x81\x00\x00\x05"))
        heard("no UDP checksum over IPv4", wire.frame(wire.ipv4(wire.udp(request(), check=0))))
        silent("no UDP checksum over IPv6",
               wire.frame(wire.ipv6(wire.udp(request(), v6=True, check=0)), ETH_IPV6))
        heard("octets behind the IP packet", wire.frame(wire.ipv4(wire.udp(request())) + bytes(20)))
        short = wire.udp(request() + bytes(4), length=8 + 48)
        heard("UDP that is shorter than IP says: the least counts", wire.frame(wire.ipv4(short)))
        silent("UDP that claims more than IP",
               wire.frame(wire.ipv4(wire.udp(request(), length=8 + 52))))
        silent("IP that claims more than the frame",
               wire.frame(wire.ipv4(wire.udp(request()), length=200)))
        silent("IP that claims less than its header",
               wire.frame(wire.ipv4(wire.udp(request()), length=19)))
        heard("IPv4 options, by the kernel's path",
              wire.frame(wire.ipv4(wire.udp(request()), options=b"\x01\x01\x01\x00")))
        silent("a wrong IPv4 checksum", wire.frame(wire.ipv4(wire.udp(request()), check=0x1234)))
        silent("the first fragment", wire.frame(wire.ipv4(wire.udp(request()), flags=0x2000)))
        silent("a later fragment", wire.frame(wire.ipv4(wire.udp(request()), flags=0x0010)))
        fragment = struct.pack(">BBHI", 17, 0, 1, 7)
        silent("an IPv6 fragment", wire.frame(
            wire.ipv6(fragment + wire.udp(request(), v6=True), 44), ETH_IPV6))
        options = struct.pack(">BB", 17, 0) + b"\x01\x04" + bytes(4)
        heard("IPv6 destination options, by the kernel's path", wire.frame(
            wire.ipv6(options + wire.udp(request(), v6=True), 60), ETH_IPV6))
        silent("TCP", wire.frame(wire.ipv4(wire.udp(request()), proto=6)))
        silent("another UDP port", wire.frame(wire.ipv4(wire.udp(request(), port=124))))
        silent("another host's address", wire.frame(
            wire.ipv4(wire.udp(request(), to="10.123.0.77"), to="10.123.0.77")))
        for what, to in (("a multicast address", "224.0.1.1"), ("broadcast", "255.255.255.255"),
                         ("the subnet's broadcast", "10.123.0.255")):
            silent(what, wire.frame(wire.ipv4(wire.udp(request(), to=to), to=to)))
        silent("an IPv6 multicast address", wire.frame(
            wire.ipv6(wire.udp(request(), v6=True, to="ff02::101"), to="ff02::101"), ETH_IPV6))
        silent("our address in a broadcast frame",
               wire.frame(wire.ipv4(wire.udp(request())), to=b"\xff" * 6))
        silent("our address in a multicast frame",
               wire.frame(wire.ipv4(wire.udp(request())), to=b"\x01\x00\x5e\x00\x01\x01"))
        for what, source in (("multicast", "224.0.1.1"), ("broadcast", "255.255.255.255"),
                             ("nobody", "0.0.0.0")):
            silent(f"a request from {what}", wire.frame(
                wire.ipv4(wire.udp(request(), from_=source), from_=source)))

    def like_a_socket(self):
        """What the kernel would not give to a socket gets no reply either, and is counted."""
        tap, wire = self.tap, self.wire

        def from_(source):
            return wire.frame(wire.ipv4(wire.udp(request(), from_=source), from_=source))

        def six(source):
            return wire.frame(wire.ipv6(wire.udp(request(), v6=True, from_=source), from_=source),
                              ETH_IPV6)

        def guards():
            """Datagrams that the kernel says the guard sockets have discarded."""
            table = self.world.server.run("cat", "/proc/net/udp", "/proc/net/udp6",
                                          stdout=subprocess.PIPE).stdout
            rows = [line.split() for line in table.splitlines() if "drops" not in line]
            return sum(int(row[-1]) for row in rows if row[1].endswith(f":{NTP_PORT:04X}"))

        before, discarded = self.world.status(), guards()
        mac = bytearray(wire.theirs)
        mac[5] ^= 1
        tap.ok(wire.ask(wire.frame(wire.ipv4(wire.udp(request())), to=bytes(mac))) is None,
               "another station's MAC address: silence")
        bad = [from_("127.0.0.1"), from_("0.0.0.1"), from_("240.0.0.1"), six("::1"),
               six("::ffff:10.123.0.2")]
        for i, frame in enumerate(bad):
            tap.ok(wire.ask(frame) is None, f"a source that no host has, {i}: silence")
        own = [from_(SERVER_V4), from_("10.123.0.255"), six(SERVER_V6)]
        for i, frame in enumerate(own):
            tap.ok(wire.ask(frame) is None, f"the server's own source, or its subnet's, {i}: silence")
        for mode in (1, 4, 6):
            tap.ok(wire.ask(wire.frame(wire.ipv4(wire.udp(request(4, mode))))) is None,
                   f"mode {mode} is the kernel's")
        # The kernel checks no IPv6 source: the filter does. It checks a broadcast address as a source
        # with rp_filter alone: no reply can be sent there.
        tap.equal(guards() - discarded, 3 + 1, "the guard sockets discard what the kernel lets pass")
        tap.ok(wait_for(lambda: self.world.status()["dataplane"]["guard_discarded"] == guards(), 10),
               "what the guard sockets get is counted", self.world.status()["dataplane"])
        after = self.world.status()
        tap.equal(after["counters"]["dropped_source"] - before["counters"]["dropped_source"],
                  len(bad), "dropped_source counts the sources that no host has")

    def noise(self):
        """Valid requests with some random octets, and completely random octets (F20, P1, P2)."""
        keys = self.probe.nts("--fields", "uid,cookie,ph*3,auth")[0]
        genuine = bytes.fromhex(keys["request"])
        generator = random.Random(1)
        packets = []
        for _ in range(3000):
            packet = bytearray(genuine if generator.random() < 0.7 else
                               generator.randbytes(generator.randrange(0, 400)))
            for _ in range(generator.randrange(1, 5)):
                if packet:
                    packet[generator.randrange(len(packet))] = generator.randrange(256)
            if len(packet) >= 48:
                packet[40:48] = generator.randbytes(8)
            if generator.random() < 0.2:
                del packet[generator.randrange(len(packet) + 1):]
            packets.append(bytes(packet))
        children = self.world.children()
        self.answered(packets, arguments=("--spacing-us", "100"))
        self.tap.equal(self.world.children(), children, "P2, F20: noise kills nobody")
        self.tap.ok(self.world.answers_ntp(timeout=1), "F20: and it still answers")


def unsynchronised(tap, world):
    """NTP-4, with the kernel's own word about its clock."""
    world.stop()
    world.configure(source="system")
    world.start()
    reply = world.sntp(timeout=1)
    if reply is None:
        tap.ok(False, "NTP-4: an unsynchronised clock is still a server")
        return
    if reply[0] >> 6 != 3:
        tap.skip("NTP-4: LI 3 while the clock is unsynchronised", "this machine's clock is not")
        return
    tap.equal((reply[0] >> 6, reply[1]), (3, 0), "NTP-4: unsynchronised: LI 3, stratum 0")
    tap.ok(reply[12:16] in (bytes(4), b"INIT", b"STEP"), "NTP-4: and no kiss code that is none",
           reply[12:16])
    tap.ok(int.from_bytes(reply[8:12], "big") >= 1 << 16,
           "NTP-4: a root dispersion of a second or more", reply[8:12].hex())


with Tap() as tap, World("ntp") as world:
    world.start()
    tests = Tests(tap, world)
    tests.lengths()
    tests.versions()
    tests.header()
    tests.reflections()
    tests.ports()
    tests.frames()
    tests.like_a_socket()
    tests.noise()
    counters = world.status()["counters"]
    ended = sum(n for name, n in counters.items() if name.startswith(("answered_", "dropped_")))
    tap.equal(ended, counters["frames_received"], "P8: every frame ended in exactly one counter")
    tap.equal(counters["dropped_longer"], 0, "RSP-7: no reply would have been too long")
    unsynchronised(tap, world)
