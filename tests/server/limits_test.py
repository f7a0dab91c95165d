"""Limits against senders who forge addresses: requests as frames from the client's interface, whose replies go
back to its MAC address. --requests N: so many in each flood (3,000)."""

import json
import pathlib
import socket
import struct
import subprocess
import sys
import time

from harness import BUILD, CLIENT_IF, CLIENT_V4, SERVER_IF, SERVER_V4, Tap, World, wait_for
from probe import Probe

REQUESTS = int(sys.argv[sys.argv.index("--requests") + 1]) if "--requests" in sys.argv else 3000
RATE, BURST = 16, 64  # of a session and of a host
ENTERS_WITHIN = 300   # a source that is not counted yet is, after as many packets, in all but 10^-8 cases
NAK_RATE = 10


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Flood:
    """Frames of UDP over IPv4 with any source. Without a UDP checksum, which IPv4 allows."""

    def __init__(self, world):
        self.world = world
        with world.client.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((CLIENT_IF, 0))
        self.macs = b"".join(self.mac(*end) for end in ((world.server, SERVER_IF), (world.client, CLIENT_IF)))

    @staticmethod
    def mac(namespace, interface):
        with namespace.entered():
            text = pathlib.Path(f"/sys/class/net/{interface}/address")
            got = namespace.run("cat", text, stdout=-1).stdout
        return bytes.fromhex(got.strip().replace(":", ""))

    def frame(self, payload, source):
        head = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(payload), 1, 0x4000, 64, 17, 0) + \
            socket.inet_aton(source) + socket.inet_aton(SERVER_V4)
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        udp = struct.pack(">HHHH", 40000, 123, 8 + len(payload), 0)
        return self.macs + b"\x08\x00" + head + udp + payload

    def counters(self):
        return self.world.status()["counters"]

    def send(self, payload, sources):
        """What the counters say of it, and how many seconds it took."""
        before, begun = self.counters(), time.monotonic()
        for n, source in enumerate(sources):
            self.socket.send(self.frame(payload, source))
            if n % 32 == 31:
                time.sleep(0.001)  # no port loses any
        wanted = before["frames_received"] + len(sources)
        wait_for(lambda: self.counters()["frames_received"] >= wanted, 5)
        after = self.counters()
        return {name: after[name] - before[name] for name in after if isinstance(after[name], int)}, \
            time.monotonic() - begun


def everywhere(n):
    return [f"{20 + i % 100}.{i // 100 % 250}.{i % 250}.{1 + i % 249}" for i in range(n)]


def configure(world, dry_run):
    limits = f"limits: {{plain: {{per_second: {RATE}, burst: {BURST}, leak: 0}}, " \
        f"session: {{per_second: {RATE}, burst: {BURST}}}, nak_share: {NAK_RATE / 1e6:.6f}, dry_run: {dry_run}}}"
    world.configure(ports=f"    - interface: {SERVER_IF}\n  {limits}\n", kernel_path=False)


with Tap() as tap, World("limits") as world:
    configure(world, "true")
    world.start()
    flood, probe = Flood(world), Probe(world)
    captured = bytes.fromhex(probe.nts(*probe.trust())[0]["request"])
    plain = struct.pack(">B39xQ", 4 << 3 | 3, 12345)
    other = bytes.fromhex(probe.nts(*probe.trust())[0]["request"])
    forged = other[:-1] + bytes([other[-1] ^ 1])

    dropped = lambda got: {name: n for name, n in got.items() if name.startswith("dropped_") and "limit" in name and n}
    got, _ = flood.send(captured, everywhere(REQUESTS))
    tap.ok(not dropped(got) and got["answered_nts"] > REQUESTS / 2, "a dry run drops nothing of a replayed request", got)
    tap.ok(got["dry_run_session"] > 0, "and counts what it would drop", got)
    got, _ = flood.send(plain, [CLIENT_V4] * REQUESTS)
    tap.ok(not dropped(got) and got["dry_run_plain"] > 0, "and of plain requests of one source", got)
    got, _ = flood.send(forged, everywhere(REQUESTS))
    tap.ok(not dropped(got) and got["dry_run_nak"] > 0, "and of NAKs", got)
    world.stop()

    configure(world, "false")
    world.start()
    got, took = flood.send(captured, everywhere(REQUESTS))
    most = BURST + RATE * (took + 1)
    tap.ok(0 < got["answered_nts"] <= most and got["answered_nak"] == 0,
           f"F22: one request from {REQUESTS} sources is one session: {RATE} replies a second, {BURST} at once",
           f"{got} in {took:.1f} s")
    tap.equal(got["answered_nts"] + got["dropped_session_limit"] + got["dropped_tx_full"], REQUESTS,
              "F22: each of the others is counted as above its session's limit")

    got, took = flood.send(plain, [CLIENT_V4] * REQUESTS)
    tap.ok(0 < got["answered_plain"] <= BURST + ENTERS_WITHIN + RATE * (took + 1) and got["dropped_plain_limit"] > 0,
           "CVE-2016-7426: plain requests in a client's name are limited", f"{got} in {took:.1f} s")
    limits = json.loads(subprocess.run([BUILD / "noonmarkctl", "limits", "--json", "--socket", world.control_socket],
                                       stdout=subprocess.PIPE, text=True).stdout)
    refused = [(one["source"], one["limit"]) for one in limits["refused"]]
    tap.ok((CLIENT_V4, "plain") in refused and any(limit == "session" for _, limit in refused),
           "noonmarkctl limits names who is refused, and by which limit", refused)
    verdicts = [line["verdict"] for line in probe.nts(*probe.trust(), "--count", "8", "--timeout", "5000")]
    tap.equal(set(verdicts), {"authenticated"}, "and that client keeps all its replies with NTS")

    got, took = flood.send(forged, everywhere(REQUESTS))
    tap.ok(0 < got["answered_nak"] <= NAK_RATE * (took + 2),
           "requests that are not genuine get as many NAKs as the budget has", f"{got} in {took:.1f} s")
    tap.equal(got["answered_nak"] + got["dropped_nak_limit"] + got["dropped_tx_full"], REQUESTS, "the others get none")

    counters = world.status()["counters"]
    ended = sum(n for name, n in counters.items() if name.startswith(("answered_", "dropped_")))
    tap.equal(ended, counters["frames_received"], "every received frame ended in exactly one counter")
