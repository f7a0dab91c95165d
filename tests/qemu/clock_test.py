"""The hardware clock of an Intel NIC (igb, an 82576) in a guest, as noonmarkd uses it: as the time source, which
a chronyd in the guest brings the system's clock to; and for the departures of replies in interleaved mode, which
the NIC stamps by it."""

import json
import struct
import time

from guest import need_guest
from guest_world import Device, GuestWorld, wire
from harness import CLIENTS, NTP_PORT, Tap, need_clients, wait_for

PTP = "/dev/ptp0"
LONG_S = 60
BOUND_S = 1e-6
IN_A_ROW = 10  # answers
STAMPED, TOLD = 200, 220  # departures: by the NIC, at least, and in all. It may miss some
PROGRAMS = [CLIENTS / "chrony/usr" / program for program in ("sbin/chronyd", "bin/chronyc")]
# An emulated clock has no error of its own.
TIME = "  phc_timescale: utc\n  phc_accuracy: 100ns\n"

STEERING = f"""\
refclock PHC {PTP} poll -2 dpoll -4 filter 5
makestep 1 -1
rtcsync
cmdport 0
user root
bindcmdaddress /run/chrony/chronyd.sock
pidfile /run/chrony/chronyd.pid
"""


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.guest = tap, world, world.guest

    def steer(self):
        self.guest.must("mkdir -m 0700 /run/chrony\n"
                        f"cat >/run/chrony/conf <<'END'\n{STEERING}END\n"
                        "chronyd -d -f /run/chrony/conf >/run/chrony/log 2>&1 &")

    def clock(self):
        code, text = self.guest.run(f"noonmarkctl clock --json --socket {self.world.control_socket}")
        return json.loads(text) if code == 0 else None

    def explain(self):
        return "\n".join([json.dumps(self.clock()), self.guest.run("tail /run/chrony/log")[1],
                          self.world.server_tail()])

    def bound(self):
        """As it is published, in seconds; None while the clock is not served as synchronised."""
        clock = self.clock()
        return clock["error_bound_s"] if clock and clock["clock"]["synchronised"] else None

    def bounds(self):
        """Some in a row, all of them small; or None."""
        got = []
        while len(got) < IN_A_ROW:
            bound = self.bound()
            if not bound or bound > BOUND_S:
                return None
            got.append(bound)
        return got

    def distances(self):
        """Of the PHC from CLOCK_REALTIME, in seconds: the least and the most that it can be."""
        line = next(line for line in self.guest.must(f"ptp_clock {PTP}").splitlines()
                    if line.startswith("realtime "))
        numbers = list(map(int, line.split()[1:]))
        rows = list(zip(numbers[0::3], numbers[1::3], numbers[2::3]))
        before, phc, after = min(rows, key=lambda row: row[2] - row[0])
        return (phc - after) / 1e9, (phc - before) / 1e9

    def source(self):
        """How wrong noonmarkd says that the clock may be, and how wrong it is."""
        bounds = wait_for(self.bounds, 2 * LONG_S, 0.5)
        self.tap.ok(bounds, f"source phc: the bound that is published is at most {BOUND_S * 1e6:g} us",
                    self.explain())
        least, most = self.distances()
        bound = self.bound()
        self.tap.ok(bound and least <= bound and most >= -bound,
                    "source phc: the system's clock is no further from the hardware clock than that",
                    f"{bound}, {least} to {most}\n{self.explain()}")
        clock = self.clock()
        self.tap.ok(clock["clock"]["source"] == "phc" and clock["health"]["state"] == "healthy",
                    "source phc: it is what the status names", clock)
        if bounds:
            self.tap.note(f"bounds of {min(bounds) * 1e9:.0f} to {max(bounds) * 1e9:.0f} ns; the hardware clock "
                          f"is {least * 1e9:+.0f} to {most * 1e9:+.0f} ns ahead")

    def exchange(self, origin, number):
        """One exchange: the reply's origin, receive and transmit timestamps; None when none comes. `number`
        stands for the client's own timestamps."""
        with self.world.client.socket() as s:
            s.settimeout(2)
            s.sendto(bytes([0x23, 0, 6, 0]) + bytes(20) +
                     struct.pack(">QQQ", origin, 2 * number + 1, 2 * number), (wire(0)[0][0], NTP_PORT))
            try:
                return struct.unpack(">QQQ", s.recv(100)[24:48])
            except TimeoutError:
                return None

    def chain(self):
        """Exchanges until TOLD replies were interleaved: how many were, and of how many the departure was
        between the arrivals of that request and the next one."""
        told = contained = 0
        receive, end = 0, time.monotonic() + 2 * LONG_S
        for number in range(1, 1 << 30):
            if told == TOLD or time.monotonic() > end:
                break
            time.sleep(0.02)  # the driver reads a stamp some time after the departure
            got = self.exchange(receive, number)
            if got and got[0] == 2 * number + 1:
                told += 1
                contained += receive < got[2] < got[1]
            receive = got[1] if got else 0
        return told, contained, number

    def departures(self):
        counters = lambda: self.world.status()["counters"]  # noqa: E731
        port = self.world.status()["ports"][0]
        self.tap.ok(port["departures"] == "device", "IL-9: status says that the NIC stamps departures", port)
        before = counters()
        told, contained, asked = self.chain()
        known, hardware = (counters()[name] - before[name]
                           for name in ("departures_known", "departures_hardware"))
        self.tap.ok(told == TOLD and hardware >= STAMPED,
                    f"IL-2: {STAMPED} replies tell departures that the NIC has stamped",
                    f"{told} told, {known} known, {hardware} by the NIC, {asked} asked\n{self.explain()}")
        self.tap.equal(contained, told,
                       "RSP-12: each is between the arrival of that request and that of the next one")
        self.tap.note(f"{told} of {asked} replies interleaved; {hardware} of {known} departures by the NIC")


need_guest()
need_clients("chrony")
with Tap() as tap, GuestWorld("clock", [Device("igb")], PROGRAMS) as world:
    tests = Tests(tap, world)
    tests.steer()
    world.configure(source=f"phc:{PTP}", extra=TIME)
    world.start(timeout=2 * LONG_S)
    tests.source()
    tests.departures()
    tap.equal(world.stop(), 0, "noonmarkd ends with status 0")
