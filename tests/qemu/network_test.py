"""noonmarkd behind drivers of real network devices, in a guest, in each mode of AF_XDP: zero copy over igb
(an Intel 82576) with so many queues that they share interrupts, igb with two queues, native XDP in copy mode
over virtio_net, generic XDP over a macvlan on igb. And what igb has besides, while it is served: a hardware
clock, and transmit stamps for a socket of the kernel."""

import json
import re
import secrets
import socket
import struct

from guest import need_guest
from guest_world import Device, GuestWorld, wire
from harness import NTP_PORT, SERVER_NAME, Tap, need_clients, wait_for
from tester import Tester

SHARED, SPLIT, COPY, GENERIC = range(4)
NAMES = ("igb, 5 queues", "igb, 2 queues", "virtio_net", "macvlan on igb")
DEVICES = (Device("igb", queues=5), Device("igb"), Device("virtio-net-pci"), Device("igb", macvlan=True))
QUEUES = (5, 2, 1, 1)
# What `ss` says of their sockets, and `ip` of their XDP programs. With 2 queues either is right.
ZERO_COPY = ({"1"}, {"0", "1"}, {"0"}, {"0"})
XDP_NATIVE, XDP_GENERIC = 1, 2
ROUNDS = ((SHARED,), (SPLIT, COPY, GENERIC))  # a guest is too slow to open all in the 30 s that it may take

LONG_S = 60
RATE, SECONDS = 20, 2
CLIENTS = 24  # addresses that ask. With a fair hash all land on one of two queues once in 2^23 times
STAMPS = 30
HUNDREDTH = 0.01
IPV6_FREEBIND = 78  # Python has no name for it
PTP = f"/dev/$(ls /sys/class/net/serve{SHARED}/device/ptp)"


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.guest = tap, world, world.guest
        self.tester = Tester(world)
        self.served = ()

    def start(self, served):
        self.served = served
        self.world.configure(served)
        self.world.start(timeout=2 * LONG_S)

    def modes(self):
        """What the kernel says, and then the server."""
        sockets = self.guest.must("ss --xdp -e -n")
        links = {link["ifname"]: link for link in json.loads(self.guest.must("/bin/ip -j -d link"))}
        # A driver may take its link down to open a queue, and the status is renewed once a second.
        wait_for(lambda: all(port["link_up"] for port in self.world.status()["ports"]), LONG_S)
        status = self.world.status()
        for i, n in enumerate(self.served):
            name = self.world.interface(n)
            found = dict(re.findall(rf"\b{re.escape(name)}:q(\d+).*?zc:(\d)", sockets, re.S))
            self.tap.ok(sorted(map(int, found)) == list(range(QUEUES[n])) and
                        set(found.values()) <= ZERO_COPY[n] and len(set(found.values())) == 1,
                        f"{NAMES[n]}: a socket a queue, in the mode that it should have", sockets)
            port = status["ports"][i]
            self.tap.note(f"{NAMES[n]}: {'zero copy' if '1' in found.values() else 'copy mode'}; "
                          f"departures: {port['departures']}; launch time: {port['launch_time']}")
            self.tap.equal(links[name].get("xdp", {}).get("mode"),
                           XDP_GENERIC if n == GENERIC else XDP_NATIVE,
                           f"{NAMES[n]}: its XDP program runs where it should")
            self.tap.ok(port["name"] == name and port["state"] == "open" and port["link_up"] and
                        port["queues"] == QUEUES[n], f"{NAMES[n]}: status shows it so", port)

    def synchronise(self):
        """Clients one after another would take that many times as long."""
        clients = {f"{NAMES[n]}, {family}": self.world.chronyd(f"chronyd-{n}-{family}", address)
                   for n in self.served for family, address in zip(("IPv4", "IPv6"), wire(n)[0])}
        for on, client in clients.items():
            self.tap.ok(client.wait_synchronised(LONG_S), f"{on}: chronyd synchronises by NTS, reach 377",
                        client.explain())
            auth = client.authdata()
            self.tap.ok(auth and auth["mode"] == "NTS" and auth["nak"] == 0, f"{on}: and sees no NAK", auth)
            client.stop()

    def replies(self):
        """Each is verified. Most come within a second, however slow the guest is."""
        for n in self.served:
            a = self.tester.run("nts", "--rate", RATE, "--duration", f"{SECONDS}s", "--clients", 8,
                                "--name", SERVER_NAME, server=wire(n)[0][0])
            self.tap.ok(a["verified"] >= RATE * SECONDS / 2 and a["verified"] == a["answered"] and
                        not a["wrong"] and not a["nak"], f"{NAMES[n]}: replies come, and are genuine",
                        a.explain())
            self.tap.note(f"{NAMES[n]}: {a['verified']} of {a['sent']} replies verified")

    def _ask(self, source, server):
        """One request, again until it is answered."""
        with self.world.client.socket(socket.AF_INET6) as s:
            s.settimeout(2)
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            s.bind((source, 0))
            for _ in range(5):
                s.sendto(struct.pack(">B39x", 4 << 3 | 3) + secrets.token_bytes(8), (server, NTP_PORT))
                try:
                    return s.recv(2048)
                except TimeoutError:
                    continue
        return None

    def _queue_packets(self, n):
        """{("rx" or "tx", queue): packets}, as the driver counts."""
        text = self.guest.must(f"ethtool -S serve{n}")
        return {(way, int(q)): int(count)
                for way, q, count in re.findall(r"([rt]x)_queue_(\d+)_packets: (\d+)", text)}

    def queues(self):
        """Clients of many addresses are spread over both queues, and answered on either."""
        (_, server), (_, client) = wire(SPLIT)
        prefix = f"{client.rsplit('::', 1)[0]}:ffff"
        self.world.client.ip("-6", "route", "add", "local", f"{prefix}::/80", "dev", "lo")
        before = self._queue_packets(SPLIT)
        answered = sum(self._ask(f"{prefix}:{secrets.token_hex(2)}:{secrets.token_hex(2)}:1", server)
                       is not None for _ in range(CLIENTS))
        self.tap.equal(answered, CLIENTS, "clients of different addresses are all answered")
        after = self._queue_packets(SPLIT)
        grown = {key: after[key] - before[key] for key in after}
        self.tap.ok(set(grown) == {(way, q) for way in ("rx", "tx") for q in range(2)} and
                    min(grown.values()) > 0, "both queues receive requests and send replies", grown)

    def down_and_up(self):
        port = lambda: self.world.status()["ports"][SHARED]  # noqa: E731
        self.guest.must(f"ip link set serve{SHARED} down")
        self.tap.ok(wait_for(lambda: not port()["link_up"], LONG_S), "set down: status shows no link", port())
        self.world.address(SHARED)
        self.tap.ok(wait_for(lambda: self.world.answers_ntp(wire(SHARED)[0][0], 1), LONG_S),
                    "set up again: it is served again", self.world.server_tail())
        self.tap.ok(wait_for(lambda: port()["link_up"], LONG_S), "set up again: status shows the link", port())

    def _readings(self, beside):
        """[(that clock before, the PHC, that clock after)] in nanoseconds."""
        line = next(line for line in self.guest.must(f"ptp_clock {PTP}").splitlines()
                    if line.split()[0] == beside)
        numbers = list(map(int, line.split()[1:]))
        return list(zip(numbers[0::3], numbers[1::3], numbers[2::3]))

    def hardware_clock(self):
        for beside in ("realtime", "monotonic_raw"):
            first = self._readings(beside)
            self.guest.run("sleep 1")
            last = self._readings(beside)
            all_ = first + last
            self.tap.ok(all(before <= after for before, _, after in all_) and
                        all(a[1] < b[1] for a, b in zip(all_, all_[1:])),
                        f"PTP_SYS_OFFSET_EXTENDED: the clock advances, between readings of {beside}", all_)
            span = all_[-1][1] - all_[0][1]
            self.tap.ok((1 - HUNDREDTH) * (all_[-1][0] - all_[0][2]) <= span <=
                        (1 + HUNDREDTH) * (all_[-1][2] - all_[0][0]),
                        f"it counts nanoseconds, by {beside}", f"{span}, {all_[0]} to {all_[-1]}")
            narrowest = min(after - before for before, _, after in all_)
            self.tap.note(f"narrowest reading between two of {beside}: {narrowest} ns")

    def transmit_stamps(self):
        """The NIC's own, by the same clock: between its readings before and after."""
        for kind in ("udp", "packet"):
            text = self.guest.must(f"send_stamps {kind} serve{SHARED} {PTP} {wire(SHARED)[1][0]} {STAMPS}",
                                   timeout=2 * LONG_S)
            rows = [tuple(map(int, line.split())) for line in text.splitlines()]
            stamped = [row for row in rows if row[1]]
            self.tap.ok(len(rows) == STAMPS and len(stamped) >= 0.9 * STAMPS,
                        f"{kind} socket: packets get hardware stamps, beside AF_XDP", text)
            self.tap.ok(all(before <= stamp <= after for before, stamp, after in stamped),
                        f"{kind} socket: each stamp is between two readings of the clock", text)
            self.tap.note(f"{kind} socket: {len(stamped)} of {len(rows)} packets stamped")

    def end(self):
        status, text = self.world.status(), self.world.log()
        counters = status["counters"]
        self.tap.ok(counters["answered_nts"] > 0 and counters["answered_plain"] > 0 and
                    counters["answered_nak"] == 0 and status["dataplane"]["starts"] == 1,
                    "status counts what was answered, by one dataplane", self.world.status_text())
        self.tap.ok("error" not in text, "the log names no error", text)
        self.tap.equal(self.world.stop(), 0, "noonmarkd ends with status 0")
        links = self.guest.must("/bin/ip -d link")
        self.tap.ok("xdp" not in links, "no XDP program is left behind", links)


need_guest()
need_clients("chrony")
with Tap() as tap, GuestWorld("network", DEVICES) as world:
    tests = Tests(tap, world)
    for served in ROUNDS:
        tests.start(served)
        tests.modes()
        tests.synchronise()
        tests.replies()
        if SPLIT in served:
            tests.queues()
        if SHARED in served:
            tests.hardware_clock()
            tests.transmit_stamps()
            tests.down_and_up()
        tests.end()
    tests.tester.ledger(tap)
