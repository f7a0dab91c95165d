"""RSP-12, RSP-13, F30: receive timestamps by the clock of a port's device, here one that the test makes
(tests/dataplane/port/xdp/sim): noonmarkd with that clock in its XDP program, over a veth. It runs 100 ppm
fast and slow, keeps TAI, jumps to both sides, stands still and wraps, while ntpsperf and a chronyd ask. A
client that reads the same clock (ntsperf --same-clock) says whether a reply was wrong by more than it told.

    own_clock_test.py [--exchanges N]

Of each kind 4000 exchanges are made. The rule wants a million: --exchanges 1000000 takes ten minutes.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "perf"))

from tester import Tester  # noqa: E402

from harness import BUILD, NTP_PORT, PATIENCE_S, SERVER_IF, SERVER_V4, Tap, World, wait_for  # noqa: E402

SIM = BUILD / "tests/dataplane/port/xdp/sim"
SHORT, SHORT_RATE, LONG_RATE = 4000, 2000, 20000
TAI_S = 37
TOLD = 30
DOUBTED = 256  # stamps in a row: PORT_DOUBTED_MAX
S_NS = 10**9
# The line ends with the next reading, 50 ms later; the rest is a busy machine.
ENDS_WITHIN_S = 2
BACK_WITHIN_S = 20


class Clock:
    def __init__(self, world):
        self.world = world

    def set(self, *words):
        subprocess.run([SIM / "set_sim_clock", str(self.world.children()["dataplane"]), *map(str, words)],
                       check=True)

    def run(self, ppm, ahead_s=TAI_S):
        """UTC and so many seconds, and so much faster than CLOCK_MONOTONIC."""
        self.set("run", ppm * 1000, time.time_ns() - time.monotonic_ns() + ahead_s * S_NS)

    def run_again(self, ppm):
        """And waits until it has a line, after the one before has ended. True if it has."""
        self.run(ppm)
        wait_for(lambda: is_exact(self.world, False), ENDS_WITHIN_S)
        return wait_for(lambda: is_exact(self.world), BACK_WITHIN_S)


def clock_of(world):
    """`noonmarkctl clock --json`, read."""
    got = subprocess.run([BUILD / "noonmarkctl", "clock", "--json", "--socket", world.control_socket],
                         stdout=subprocess.PIPE, text=True)
    return json.loads(got.stdout) if got.returncode == 0 else None


def port_of(world):
    return clock_of(world)["ports"][0]


def text_of(world):
    return subprocess.run([BUILD / "noonmarkctl", "clock", "--socket", world.control_socket],
                          stdout=subprocess.PIPE, text=True).stdout


def is_exact(world, exact=True):
    clock = port_of(world)["clock"]
    return clock is not None and clock["exact"] == exact


def judge(tap, tester, what, exchanges, nothing_else=lambda: None):
    """Asks so often; in the midst of it something happens to the clock."""
    rate = SHORT_RATE if exchanges <= SHORT else LONG_RATE
    running = tester.start("ntp", "--same-clock", "--rate", rate, "--duration", f"{exchanges / rate}s")
    nothing_else()
    a = running.wait(timeout=exchanges / rate + 60)
    s = a.json.get("same_clock")
    if tap.ok(s and s["judged"] >= exchanges / 2 and not a["wrong"], f"{what}: {s and s['judged']} judged",
              a.explain()):
        receive = s["receive_error_ns"]
        tap.note(f"{what}: T2 - T1 {receive['min']} / {receive['p50']} / {receive['p99']} ns, "
                 f"{s['receive_before_sent']} before T1, {s['uncovered']} uncovered")
        tap.ok(s["uncovered"] == 0, f"RSP-12, F30: {what}: no reply is wrong by more than it tells", a.explain())
    return s


def even(tap, world, tester, clock, exchanges):
    for ppm in (100, -100):
        tap.ok(clock.run_again(ppm), f"{ppm:+} ppm, TAI: there is a line", text_of(world))
        before = port_of(world)
        s = judge(tap, tester, f"{ppm:+} ppm", exchanges)
        wait_for(lambda: s and port_of(world)["hardware"] - before["hardware"] >= s["judged"], 5)  # once a second
        port = port_of(world)
        own = port["clock"]
        believed = port["hardware_believed"] - before["hardware_believed"]
        tap.ok(s and believed >= 0.99 * s["judged"] and port["receive"] == "hardware",
               f"RSP-13: {ppm:+} ppm: its stamps are the receive timestamps", text_of(world))
        tap.ok(s and s["receive_before_sent"] <= 1e-4 * s["judged"], "RSP-12: none is before the true arrival",
               str(s))
        tap.ok(own["exact"] and own["timescale"] == "TAI" and abs(own["offset_s"] - TAI_S) < 0.1 and
               abs(own["frequency_ppm"] - ppm) < 25, "status: the clock's offset, rate and timescale",
               text_of(world))


def upset(tap, world, tester, clock, exchanges):
    """What ends its line while a client asks; each ends by itself, or by the clock's running again."""
    cases = [("a jump of -5 us", ("jump", -5000), None), ("a jump of 5 us", ("jump", 5000), None),
             ("a jump of -3 s", ("jump", -3 * S_NS), None), ("a jump of 3 s", ("jump", 3 * S_NS), None),
             ("a stop", ("freeze",), "run"), ("a wrap", ("wrap",), None), ("no stamps", ("off",), "run")]
    for what, command, mend in cases:
        if not tap.ok(clock.run_again(50), f"{what}: a line before it", text_of(world)):
            continue
        said = world.noonmarkd.log.read_text().count("it stamps no requests until it")
        ended = []

        def happen(command=command, mend=mend, ended=ended):
            time.sleep(0.3)
            began = time.monotonic()
            clock.set(*command)
            if wait_for(lambda: is_exact(world, False), ENDS_WITHIN_S):
                ended.append(time.monotonic() - began)
            if mend:
                clock.run(50)
            wait_for(lambda: is_exact(world), BACK_WITHIN_S)

        judge(tap, tester, what, exchanges, happen)
        if tap.ok(ended, f"{what}: its line ended", text_of(world)):
            tap.note(f"{what}: not exact after {ended[0] * 1000:.0f} ms, as noonmarkctl sees it")
        tap.ok(world.noonmarkd.log.read_text().count("it stamps no requests until it") > said,
               f"{what}: the log says it", world.server_tail())
        tap.ok(is_exact(world), f"{what}: it stamps again", text_of(world))


def with_chronyd(tap, world, clock):
    clock.run_again(100)
    before = port_of(world)["hardware_believed"]
    client = world.chronyd(nts=True)
    tap.ok(client.wait_synchronised(), "a chronyd is synchronised by it", client.tail())
    tap.ok(wait_for(lambda: port_of(world)["hardware_believed"] > before, 3), "RSP-13: by its stamps",
           text_of(world))
    client.stop()


class Chain:
    """A client of interleaved mode, without NTS."""

    def __init__(self, world):
        self.world, self.socket, self.receive, self.number = world, world.client.socket(), 0, 0
        self.socket.settimeout(2)

    def exchange(self):
        """True: the reply told the departure of the one before, which lay between the arrival of that request
        and of this one. False: it told another time. None: it was basic, or did not come."""
        self.number += 1
        self.socket.sendto(bytes([0x23, 0, 6, 0]) + bytes(20) +
                           struct.pack(">QQQ", self.receive, 2 * self.number + 1, 2 * self.number),
                           (SERVER_V4, NTP_PORT))
        try:
            origin, receive, transmit = struct.unpack(">QQQ", self.socket.recv(100)[24:48])
        except TimeoutError:
            self.receive = 0
            return None
        before, self.receive = self.receive, receive
        return before < transmit < receive if origin == 2 * self.number + 1 else None


def with_metadata(tap, world, clock):
    """IL-9: departures by the metadata of AF_XDP frames. The kernel stamps them by CLOCK_TAI here, so the
    device's clock keeps it, and then another time."""
    offset = time.clock_gettime_ns(time.CLOCK_TAI) - time.monotonic_ns()
    clock.set("run", 0, offset)
    if not tap.ok(wait_for(lambda: is_exact(world), BACK_WITHIN_S), "metadata: there is a line", text_of(world)):
        return
    counters = lambda: world.status()["counters"]  # noqa: E731
    departures = lambda: world.status()["ports"][0]["departures"]  # noqa: E731
    before, chain, told = counters()["departures_hardware"], Chain(world), []
    wait_for(lambda: told.append(chain.exchange()) or told.count(True) >= TOLD, PATIENCE_S, 0.002)
    hardware = counters()["departures_hardware"] - before
    tap.ok(told.count(True) >= TOLD <= hardware and False not in told and departures() == "device, by AF_XDP",
           "IL-9: replies tell departures by the stamps of AF_XDP's own frames",
           f"{told.count(True)} of {len(told)} told, {hardware} by the device, {departures()}\n{text_of(world)}")
    clock.set("run", 0, offset + 100 * S_NS)
    wait_for(lambda: is_exact(world, False), ENDS_WITHIN_S)
    wait_for(lambda: is_exact(world), BACK_WITHIN_S)
    wait_for(lambda: [chain.exchange() for _ in range(DOUBTED)] and departures() == "kernel", PATIENCE_S)
    tap.ok(departures() == "kernel" and "are no readings of its clock" in world.noonmarkd.log.read_text(),
           "F30: stamps of another clock than the device's are given up", world.server_tail())
    told = []
    wait_for(lambda: told.append(chain.exchange()) or told.count(True) >= TOLD, PATIENCE_S, 0.002)
    tap.ok(told.count(True) >= TOLD and False not in told, "IL-9: and the kernel's stamps serve",
           f"{told.count(True)} of {len(told)}\n{text_of(world)}")


parser = argparse.ArgumentParser()
parser.add_argument("--exchanges", type=int, default=SHORT)
EXCHANGES = parser.parse_args().exchanges

with Tap() as tap, World("own_clock") as world:
    world.binary = SIM / "noonmarkd_sim"
    world.configure(ports=f"    - interface: {SERVER_IF}\n")
    world.start()
    clock, tester = Clock(world), Tester(world)
    port = port_of(world)
    tap.ok(port["clock"]["clock"] == "simulated" and not port["clock"]["exact"] and port["receive"] != "hardware",
           "a clock that cannot be read stamps nothing", text_of(world))
    even(tap, world, tester, clock, EXCHANGES)
    upset(tap, world, tester, clock, EXCHANGES)
    with_chronyd(tap, world, clock)
    tap.equal(world.stop(), 0, "noonmarkd ends with status 0")
    world.binary = SIM / "noonmarkd_sim_tx"
    world.start()
    with_metadata(tap, world, clock)
