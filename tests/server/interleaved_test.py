"""RFC 9769: clients that ask for interleaved mode get the true departures of earlier replies, over
AF_XDP on veths: a stock chronyd with `xleave`, without and with NTS, and a client of this test that
changes its port, its interface and with it the core that answers. Without stamps all is basic.
"""

import os
import pathlib
import re
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "perf"))

from tester import Tester  # noqa: E402

from harness import SERVER_IF, SERVER_V4, Tap, World, need_clients, wait_for  # noqa: E402

need_clients("chrony")

OTHER_SERVER = "serve1", "10.124.0.1", "fd6e:6e::1"
OTHER_CLIENT = "ask1", "10.124.0.2", "fd6e:6e::2"
POLL = -4  # 16 requests a second
NTP_UNIX = 2208988800


def is_interleaved(client):
    return "Interleaved     : Yes" in client.show("ntpdata", client.address)


def counted(world):
    return world.status()["counters"]


class Figure:
    """A figure, and whether it is good."""

    def __init__(self, good, text):
        self.good, self.text = good, text

    def __bool__(self):
        return bool(self.good)

    def __str__(self):
        return self.text


def best(measure, good):
    """Measures until the result is good, ten times at the most: a machine that gives the server or the
    client no CPU for a moment spoils one, a server that is wrong all."""
    for _ in range(10):
        got = measure()
        if good(got):
            break
    return got


def some_seconds(world, client):
    """Whether nearly all replies were interleaved, nearly all departures became known, and the offset
    was small."""
    before = counted(world)
    yes = 0
    for _ in range(40):
        time.sleep(0.1)
        yes += is_interleaved(client)
    after = counted(world)
    new = {name: after[name] - before[name] for name in after}
    replies = new["interleaved"] + new["interleaved_basic"]
    tx = re.search(r"TX timestamping : (\w+)", client.show("ntpdata")).group(1)
    offset = client.source()["offset"]
    return (Figure(replies > 30 and new["interleaved"] >= 0.9 * replies and yes >= 36, f"{new} {yes}"),
            Figure(new["departures_known"] >= 0.9 * replies, str(new)),
            Figure(tx == "Kernel" and abs(offset) < 0.001, f"{offset} {tx}"))


def with_chronyd(tap, world, nts):
    """Nearly all replies of some seconds are interleaved, and the client uses them."""
    what = "with NTS" if nts else "without NTS"
    client = world.chronyd("nts" if nts else "plain", nts=nts, poll=POLL, options="xleave")
    tap.ok(client.wait_synchronised(), f"IL-2: chronyd with xleave synchronises {what}",
           client.explain())
    tap.ok(wait_for(lambda: is_interleaved(client), 5),
           f"IL-2: {what} its last reply was interleaved", client.show("ntpdata"))
    interleaved, known, small = best(lambda: some_seconds(world, client), all)
    tap.ok(interleaved, f"IL-2, IL-7: {what} nearly all replies are interleaved, though each request has "
           "another port", f"{interleaved}\n{client.explain()}")
    tap.ok(known, f"IL-9: {what} nearly all departures become known", str(known))
    tap.ok(small, f"{what} the offset within one machine is small", f"{small}\n{client.show('ntpdata')}")
    client.stop()


class Exchange:
    """The timestamps of one exchange, as NTP's 64-bit numbers."""

    def __init__(self, reply):
        self.origin, self.receive, self.transmit = struct.unpack(">QQQ", reply[24:48])


def ntp_now():
    ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
    return (ns // 10 ** 9 + NTP_UNIX << 32) + (ns % 10 ** 9 << 32) // 10 ** 9


def exchange(world, address, origin=0, receive=0, transmit=None):
    """Asks from a port of its own. The reply, the transmit timestamp, and when the reply was there."""
    transmit = transmit or ntp_now()
    with world.client.socket() as s:
        s.settimeout(30)
        s.sendto(bytes([0x23, 0, 6, 0]) + bytes(20) + struct.pack(">QQQ", origin, receive, transmit),
                 (address, 123))
        return Exchange(s.recv(100)), transmit, ntp_now()


def chain(world):
    """200 exchanges, of which each asks for the departure of the one before."""
    addresses = SERVER_V4, OTHER_SERVER[1]
    last, basic, contained, crossed = None, 0, 0, 0
    came, numbers = 0, set()
    for i in range(200):
        address = addresses[i // 2 % 2]
        own = ntp_now()
        reply, sent, now = exchange(world, address, last.receive if last else 0, own)
        if reply.origin == own:
            contained += last.receive < reply.transmit <= came
            crossed += i % 2 == 0
        else:
            basic += reply.origin == sent
        numbers.add(reply.receive & 3)
        last, came = reply, now
        time.sleep(0.005)
    return 200 - basic, contained, crossed, numbers


def across_cores(tap, world):
    """The chain of exchanges goes on, whichever core gets the next request."""
    wrong = []

    def measure():
        told, contained, crossed, numbers = chain(world)
        if contained != told:
            wrong.append(f"{contained} of {told}")
        return told, crossed, numbers

    told, crossed, numbers = best(measure, lambda got: got[0] >= 190 and got[1] >= 90)
    tap.ok(numbers == {1, 3}, "IL-5: two cores write receive timestamps of their own", str(numbers))
    tap.ok(told >= 190 and crossed >= 90,
           "IL-7: a core tells what another one has remembered", f"{told} told, {crossed} crossed")
    tap.equal(wrong, [], "RSP-12: each departure that is told lies between the arrival of that request and the "
              "arrival of that reply")


def third_of_three(world):
    """A second and a third exchange; the third asks for the second's departure, a moment later."""
    first, _, _ = exchange(world, SERVER_V4)
    second, sent, _ = exchange(world, SERVER_V4, first.receive, 5)
    time.sleep(0.05)
    third, _, _ = exchange(world, SERVER_V4, second.receive, 7)
    return second.origin == sent, second, third


def once(tap, world):
    basic, second, third = best(lambda: third_of_three(world), lambda got: got[2].origin == 7)
    tap.ok(basic, "IL-2: the second reply is basic")
    tap.ok(third.origin == 7, "IL-2: the third reply is interleaved")
    again, sent, _ = exchange(world, SERVER_V4, second.receive, 7)
    tap.ok(again.origin == sent, "IL-3: asked again, the same is told once")
    fifth, sent, _ = exchange(world, SERVER_V4, third.receive, 9, 9)
    tap.ok(fifth.origin == sent,
           "IL-1: a request with one receive and transmit timestamp gets a basic reply")


def with_ntsperf(tap, world):
    """Far more clients than the cap allows: the others get basic replies, and none is wrong."""
    tester = Tester(world)
    for rate in (1000, 20000):
        before = counted(world)
        a = tester.run("ntp", "--interleaved", "--clients", 256, "--rate", rate, "--duration", "3s")
        # A client whose next request is due before its reply has come has nothing to ask for.
        slow = a["latency_ns"].get("p50", 0) > 0.5e9 * 256 / rate
        tap.ok(a["answered"] > 0 and (a["interleaved"] > 0 or slow) and not a["wrong"],
               f"IL-2: at {rate} requests a second ntsperf finds no reply wrong", a.explain())
        names = "interleaved", "interleaved_basic", "departures_known", "departures_unasked", \
            "departures_lost"
        new = {name: n - before[name] for name, n in counted(world).items() if name in names}
        tap.note(f"{a['interleaved']} of {a['answered']} replies interleaved: {new}")


def switched_off(tap, world):
    world.stop()
    world.configure(cores=cores, ports=ports + "  interleaved: false\n")
    world.start()
    client = world.chronyd("off", nts=False, poll=POLL, options="xleave")
    tap.ok(client.wait_synchronised() and not is_interleaved(client),
           "IL-9: switched off, chronyd with xleave synchronises in basic mode", client.explain())
    c = counted(world)
    tap.ok(c["interleaved"] == 0 and c["departures_known"] == 0, "and nothing is remembered", str(c))
    client.stop()


cores = sorted(os.sched_getaffinity(0))[-2:]
ports = f"    - interface: {SERVER_IF}\n    - interface: {OTHER_SERVER[0]}\n"

with Tap() as tap, World("interleaved") as world:
    world.join(OTHER_SERVER, OTHER_CLIENT)
    world.configure(cores=cores, ports=ports)
    world.start()
    port = world.status()["ports"][0]
    tap.ok(port["departures"] == "kernel" and
           "departures for interleaved mode: kernel" in world.status_text(),
           "IL-9: the status says that departures are stamped", world.server_tail())
    with_chronyd(tap, world, nts=False)
    with_chronyd(tap, world, nts=True)
    once(tap, world)
    across_cores(tap, world)
    with_ntsperf(tap, world)
    switched_off(tap, world)
