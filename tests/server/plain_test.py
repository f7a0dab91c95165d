"""Plain NTP, without NTS: a stock chronyd, and requests of every version and mode from a socket."""

import os
import struct
import time

from harness import SERVER_V4, SERVER_V6, Tap, World, need_clients

need_clients("chrony")
UNIX_EPOCH = 2208988800  # in NTP's seconds


def seconds(stamp):
    whole, fraction = struct.unpack(">II", stamp)
    return whole - UNIX_EPOCH + fraction / 2**32


with Tap() as tap, World("plain") as world:
    world.start()

    for family, address in (("IPv4", SERVER_V4), ("IPv6", SERVER_V6)):
        for version in (1, 2, 3, 4):
            xmt = os.urandom(8)
            before = time.time()
            reply = world.sntp(address, version, xmt=xmt)
            after = time.time()
            what = f"over {family}, version {version}"
            if not tap.ok(reply is not None and len(reply) == 48,
                          f"NTP-2, RSP-7: {what}: a request of 48 octets gets 48 octets"):
                continue
            tap.equal((reply[0] >> 6, reply[0] >> 3 & 7, reply[0] & 7), (0, version, 4),
                      f"NTP-2: {what}: leap 0, the request's version, mode 4")
            tap.equal((reply[1], reply[12:16]), (1, b"TEST"),
                      f"NTP-7: {what}: stratum and reference id as configured")
            tap.equal(reply[24:32], xmt, f"NTP-11: {what}: the origin is the request's transmit time")
            rec, out = seconds(reply[32:40]), seconds(reply[40:48])
            tap.ok(before - 0.01 < rec < out < after + 0.01,
                   f"NTP-9, RSP-10: {what}: received, then sent, both while the client waited",
                   f"{before:.6f} {rec:.6f} {out:.6f} {after:.6f}")

    reply = world.sntp(version=1, mode=0)
    tap.ok(reply is not None and reply[0] == 1 << 3 | 4,
           "NTP-2: version 1, mode 0 from a high port is a client, answered in mode 4")
    answered = [(version, mode) for version in range(8) for mode in range(8)
                if (version, mode) != (1, 0) and not (version in (1, 2, 3, 4) and mode == 3)
                and world.sntp(version=version, mode=mode, timeout=0.05) is not None]
    tap.equal(answered, [], "NTP-2, NTP-3: nothing else of 8 versions by 8 modes is answered")
    tap.ok(world.answers_ntp(timeout=1), "NTP-3: and the server still answers")

    client = world.chronyd(nts=False)
    tap.ok(client.wait_synchronised(), "NTP-2: chronyd without NTS synchronises, reach 377",
           client.explain())
    counters = world.status()["counters"]
    tap.ok(counters["answered_plain"] > 0 and counters["answered_nts"] == 0,
           "NTP-2: all of it counts as plain", counters)
    ended = sum(n for name, n in counters.items() if name.startswith(("answered_", "dropped_")))
    tap.equal(ended, counters["frames_received"],
              "NTP-3: every received frame ended in exactly one counter")
