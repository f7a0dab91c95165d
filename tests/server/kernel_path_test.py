"""Requests that the kernel delivers to the NTP port, because the XDP program did not take them: they are
answered, from the address that was asked, with right timestamps, and nothing else is."""

import os
import pathlib
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "perf"))

from tester import Tester  # noqa: E402

from harness import CLIENT_IF, NTP_PORT, SERVER_IF, SERVER_NAME, SERVER_V4, SERVER_V6, \
    Tap, World, need_clients, wait_for  # noqa: E402
from probe import Probe  # noqa: E402

need_clients("chrony")

ANY_V4, ANY_V6 = "10.50.0.7", "fd50::7"
UNSERVED_SERVER = "side0", "10.124.0.1", "fd6e:6e::1"
UNSERVED_CLIENT = "side1", "10.124.0.2", "fd6e:6e::2"
REDIRECTED = 1123
ERA = 2208988800  # from 1900 to 1970
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
IPV6_DSTOPTS = 59


def request(trailer=b"", mode=3):
    return struct.pack(">B39x", 4 << 3 | mode) + os.urandom(8) + trailer


def field(octets):
    """An extension field that no server knows: the request stays a plain one."""
    return struct.pack(">HH", 0x7f00, octets) + bytes(octets - 4)


def seconds(octets):
    """An NTP timestamp as UNIX seconds."""
    return int.from_bytes(octets, "big") / 2**32 - ERA


def ask(namespace, address, payload=None, options=(), port=NTP_PORT, timeout=2):
    """The reply, which only the address that was asked may send; None: silence."""
    payload = payload or request()
    with namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        for option in options:
            s.setsockopt(*option)
        s.settimeout(timeout)
        try:
            s.connect((address, port))
            sent = time.time()
            s.send(payload)
            reply = s.recv(2048)
            came = time.time()
        except OSError:
            return None
    good = reply[24:32] == payload[40:48] and reply[0] & 7 == 4 and \
        sent - 1e-5 <= seconds(reply[32:40]) <= seconds(reply[40:48]) <= came + 1e-5
    return reply if good else None


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world = tap, world

    def kernel_path(self, name="answered_plain"):
        return self.world.status()["kernel_path"][name]

    def answered(self, what, *where, **how):
        """By the kernel's path alone."""
        before = self.world.status()
        got = ask(*where, **how)
        # The reply may be here before it is counted.
        wait_for(lambda: got is None or self.kernel_path() > before["kernel_path"]["answered_plain"], 5)
        after = self.world.status()
        n = [s["kernel_path"]["answered_plain"] for s in (before, after)]
        cores = [sum(c["frames_received"] for c in s["cores"]) for s in (before, after)]
        self.tap.ok(got is not None and n[1] == n[0] + 1 and cores[0] == cores[1],
                    f"{what}: answered, by the kernel's path", f"{got} {n} {cores}")

    def silent(self, what, *where, timeout=0.3, **how):
        self.tap.ok(ask(*where, timeout=timeout, **how) is None, f"{what}: silence")

    def host_itself(self):
        for address in ("127.0.0.1", "127.9.9.9", "::1", SERVER_V4, SERVER_V6):
            self.answered(f"the host itself asks {address}", self.world.server, address)

    def any_ip(self):
        world = self.world
        world.server.ip("route", "add", "local", "10.50.0.0/24", "dev", "lo")
        world.server.ip("-6", "route", "add", "local", "fd50::/64", "dev", "lo")
        world.client.ip("route", "add", "10.50.0.0/24", "via", SERVER_V4)
        world.client.ip("-6", "route", "add", "fd50::/64", "via", SERVER_V6)
        for address in (ANY_V4, ANY_V6):
            self.answered(f"an AnyIP address, {address}", world.client, address)

    def options(self):
        self.answered("IPv4 options", self.world.client, SERVER_V4,
                      options=[(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x01\x01\x01\x00")])
        self.answered("IPv6 destination options", self.world.client, SERVER_V6,
                      options=[(socket.IPPROTO_IPV6, IPV6_DSTOPTS, b"\x00\x00\x01\x04\0\0\0\0")])

    def fragments(self):
        world = self.world
        world.client.ip("route", "add", f"{SERVER_V4}/32", "dev", CLIENT_IF, "mtu", "lock", "576")
        self.answered("IPv4 fragments", world.client, SERVER_V4, payload=request(field(1000)),
                      options=[(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)])
        before = self.kernel_path("answered_nts")
        got = Probe(world).nts("--fields", "uid,cookie,ph*7,auth")[0]
        self.tap.ok(got["verdict"] == "authenticated" and len(got["cookies"]) == 8 and
                    self.kernel_path("answered_nts") == before + 1,
                    "an NTS request in IPv4 fragments: eight cookies", got["verdict"])
        world.client.ip("route", "del", f"{SERVER_V4}/32", "dev", CLIENT_IF)
        world.client.ip("-6", "route", "add", f"{SERVER_V6}/128", "dev", CLIENT_IF, "mtu", "1280")
        self.answered("IPv6 fragments", world.client, SERVER_V6, payload=request(field(1300)))
        world.client.ip("-6", "route", "del", f"{SERVER_V6}/128", "dev", CLIENT_IF)

    def redirected(self):
        nft = self.world.server.run
        nft("nft", "add", "table", "ip", "detour")
        nft("nft", "add", "chain", "ip", "detour", "arriving",
            "{ type nat hook prerouting priority -100; }")
        nft("nft", "add", "rule", "ip", "detour", "arriving", "udp", "dport", REDIRECTED,
            "redirect", "to", f":{NTP_PORT}")
        self.answered("a redirected port", self.world.client, SERVER_V4, port=REDIRECTED)
        nft("nft", "delete", "table", "ip", "detour")

    def unserved_interface(self):
        for address in UNSERVED_SERVER[1:]:
            self.answered(f"an interface that is not served, {address}", self.world.client, address)

    def nothing_else(self):
        """What cannot be a request is discarded by the kernel; nobody answers a broadcast."""
        tap, world = self.tap, self.world
        flood, before = 3000, world.status()
        with world.server.socket() as s:
            s.connect(("127.0.0.1", NTP_PORT))
            for i in range(flood):
                s.send(request(mode=(4, 1, 2, 5, 6, 7)[i % 6]))
            s.send(request()[:44])
            s.settimeout(0.3)
            try:
                tap.ok(False, "a flood of replies: silence", s.recv(2048).hex())
            except OSError as error:
                tap.ok(isinstance(error, TimeoutError), "a flood of replies: silence, and no ICMP", error)
        wait_for(lambda: world.status()["dataplane"]["guard_discarded"] >=
                 before["dataplane"]["guard_discarded"] + flood + 1, 5)
        after = world.status()
        tap.equal(after["dataplane"]["guard_discarded"] - before["dataplane"]["guard_discarded"], flood + 1,
                  "each is counted as discarded")
        tap.equal(after["kernel_path"]["frames_received"], before["kernel_path"]["frames_received"],
                  "no thread has seen one of them")
        for address in ("10.124.0.255", "224.0.1.1"):
            group = [(socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
                     (socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(UNSERVED_CLIENT[1]))]
            self.silent(f"to {address}", world.client, address, options=group)
        self.silent("to loopback's broadcast address", world.server, "127.255.255.255", options=group[:1])
        tap.equal(self.kernel_path("dropped_group"), after["kernel_path"]["dropped_group"] + 1,
                  "one that comes to this host's MAC address is counted")

    def chronyd_here(self):
        """NTS of a client on the host itself."""
        client = self.world.chronyd("here", namespace=self.world.server)
        self.tap.ok(client.wait_synchronised(), "a chronyd on the host itself synchronises by NTS",
                    client.explain())
        self.tap.ok(self.kernel_path("answered_nts") >= 8 and client.authdata()["nak"] == 0,
                    "its requests came by the kernel's path", client.explain())
        client.stop()

    def containment(self):
        """RSP-12: by an interface that is not served."""
        tester = Tester(self.world)
        for command in ("ntp", "nts"):
            name = ["--name", SERVER_NAME] if command == "nts" else []
            a = tester.run(command, "--same-clock", "--rate", 2000, "--bunch", 8, "--duration", "2s",
                           *name, server=UNSERVED_SERVER[1])
            s = a.json.get("same_clock")
            if not self.tap.ok(s and s["judged"] >= 2000 and not a["wrong"],
                               f"RSP-12: {command}: {s and s['judged']} exchanges judged", a.explain()):
                continue
            receive, transmit = s["receive_error_ns"], s["transmit_error_ns"]
            self.tap.note(f"{command}: T2 - T1 {receive['min']} / {receive['p50']} / {receive['p99.99']} ns, "
                          f"T3 - T4 {transmit['p0.01']} / {transmit['p50']} / {transmit['max']} ns")
            self.tap.ok(1 - s["contained"] <= 1e-3 and s["uncovered"] == 0 and s["order"] == 0,
                        f"RSP-12: {command}: contained, or covered by the root dispersion", a.explain())
        status = self.world.status()["kernel_path"]
        self.tap.equal(status["stamps_refused"], 0, "RSP-13: no stamp was refused")

    def restart(self):
        """Requests wait for the next dataplane, and their receive timestamps say so."""
        tap, world = self.tap, self.world
        sent, got = {}, {}
        old = world.children()["dataplane"]
        stale = world.status()["dataplane"]["kernel_path_stale"]
        with world.server.socket() as s:
            s.connect(("127.0.0.1", NTP_PORT))
            s.setblocking(False)

            def read():
                try:
                    while True:
                        reply = s.recv(2048)
                        got[reply[24:32]] = time.time(), seconds(reply[32:40])
                except BlockingIOError:
                    pass

            end = None
            while end is None or time.time() < end:
                payload = request()
                sent[payload[40:48]] = time.time()
                s.send(payload)
                if len(sent) == 10:
                    os.kill(old, signal.SIGKILL)
                time.sleep(0.02)
                read()
                new = world.children().get("dataplane")
                if end is None and len(sent) > 10 and new not in (None, old) and world.is_serving():
                    end = time.time() + 0.5
                if time.time() - min(sent.values()) > 30:
                    break
            time.sleep(0.5)
            read()
        waits = {key: got[key][0] - at for key, at in sent.items() if key in got}
        lost = [at for key, at in sent.items() if key not in got]
        stale = world.status()["dataplane"]["kernel_path_stale"] - stale
        tap.note(f"{len(sent)} requests, {len(lost)} without a reply, {stale} were too old, "
                 f"the longest wait for a reply was {max(waits.values()):.3f} s")
        # The first reply of the new dataplane answers the oldest of those that waited.
        tap.ok(max(waits.values()) > 0.04, "requests waited while no dataplane ran", waits)
        # One that was read by the old dataplane may be lost with it.
        tap.ok(len(lost) - stale <= 1,
               "those that had not waited for a second were answered", f"{len(lost)} {stale}")
        early = [got[k][1] - sent[k] for k in waits if got[k][1] < sent[k] - 1e-5]
        late = [got[k][1] - sent[k] for k in waits if waits[k] > 0.1 and got[k][1] - sent[k] > waits[k] / 2]
        tap.equal((early, late), ([], []),
                  "RSP-12: their receive timestamps are of when they came, not of when they were read")

    def named_addresses(self):
        world = self.world
        world.stop()
        world.configure(ports=f"    - interface: {SERVER_IF}\n      addresses: [{SERVER_V4}, '{SERVER_V6}']\n")
        world.start()
        for address in (SERVER_V4, SERVER_V6):
            self.answered(f"addresses are named: the host itself asks {address}", world.server, address)
        for address in ("127.0.0.1", UNSERVED_SERVER[1], "::1"):
            self.silent(f"addresses are named: {address}", world.server, address)
        self.tap.equal(self.kernel_path("dropped_not_ours"), 3, "and those are counted")

    def switched_off(self):
        world = self.world
        world.stop()
        world.configure(kernel_path=False)
        world.start()
        before = world.status()["dataplane"]["guard_discarded"]
        for address in ("127.0.0.1", SERVER_V4, "::1"):
            self.silent(f"kernel_path: false: {address}", world.server, address)
        self.tap.ok(wait_for(lambda: world.status()["dataplane"]["guard_discarded"] == before + 3, 5),
                    "kernel_path: false: they are discarded", world.status()["dataplane"])
        self.tap.ok(ask(world.client, SERVER_V4) is not None, "kernel_path: false: the port answers")


with Tap() as tap, World("kernelpath") as world:
    world.join(UNSERVED_SERVER, UNSERVED_CLIENT)
    world.start()
    tests = Tests(tap, world)
    tests.host_itself()
    tests.any_ip()
    tests.options()
    tests.fragments()
    tests.redirected()
    tests.unserved_interface()
    tests.nothing_else()
    tests.chronyd_here()
    tests.containment()
    status = world.status()
    ended = sum(n for name, n in status["counters"].items() if name.startswith(("answered_", "dropped_")))
    tap.equal(ended, status["counters"]["frames_received"], "P8: every frame ended in exactly one counter")
    tests.restart()
    tests.named_addresses()
    tests.switched_off()
