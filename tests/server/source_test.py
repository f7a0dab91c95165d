"""Source chronyd: a real chronyd in the server's namespace says what the clock is worth. It is followed
live; when it dies the clock is marked in time, or requests are not answered, and the hook runs once a change.

The chronyd runs with -x and without the right to set a clock: what it finds wrong with the system's
clock stays wrong, as nobody corrects it."""

import json
import os
import struct
import subprocess
import time

from harness import (BUILD, CLIENTS, SERVER_V4, Program, Stopwatch, Tap, World, need_clients,
                     wait_for)

need_clients("chrony")

STALE_S = 3
LATE_S = 1.3  # of a machine under load, for what takes 1.2 s at most: a poll and 200 ms


class Keeper(Program):
    """The chronyd of the server's host, which serves nobody."""

    def __init__(self, world, name, *lines):
        home = world.directory(name)
        configuration = home / "chrony.conf"
        self.socket = home / "chronyd.sock"
        configuration.write_text("\n".join([
            "user root", "port 0", f"pidfile {home}/pid", f"bindcmdaddress {self.socket}",
            *lines]) + "\n")
        super().__init__(name, world.server.command(
            *world.no_clock, CLIENTS / "chrony/usr/sbin/chronyd", "-x", "-d", "-f", configuration),
            home / "log")
        world.programs.append(self)


class Reply:
    def __init__(self, octets):
        first, self.stratum, _, _, delay, dispersion, self.reference = \
            struct.unpack(">BBbbIII", octets[:16])
        self.leap = first >> 6
        self.delay, self.dispersion = delay / 65536, dispersion / 65536

    def __repr__(self):
        return f"<leap {self.leap}, stratum {self.stratum}, reference {self.reference:08x}, " \
               f"delay {self.delay:.6f}, dispersion {self.dispersion:.6f}>"


def ask(world):
    octets = world.sntp(SERVER_V4)
    return Reply(octets) if octets else None


def awaited(world, what, seconds):
    """The first reply for which what() holds, or None; and how long it took."""
    watch = Stopwatch()
    got = wait_for(lambda: (lambda r: r if r and what(r) else None)(ask(world)), seconds, 0.02)
    return got, watch


def said(world, text):
    return world.noonmarkd.log.read_text(errors="replace").count(text)


def clock(world):
    status = world.status()
    return status["clock"] if status else {}


def clock_in_full(world):
    got = subprocess.run([BUILD / "noonmarkctl", "clock", "--json", "--socket", world.control_socket],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return json.loads(got.stdout) if got.returncode == 0 else {"error": got.stderr}


def is_in_full(got):
    """As it is with a chronyd that answers, and an interface whose program stamps."""
    return got["health"]["state"] == "healthy" and got["health"]["hook"] == "healthy" and \
        got["health"]["reason"] is None and got["health"]["changes"] >= 2 and \
        0 < got["error_bound_s"] < 0.01 and 0 < got["line_error_ns"] < 1e6 and \
        abs(got["source_offset_s"]) < 1e-3 and 0 <= got["source_age_s"] < 2.5 and \
        got["stamp_clocks"][0]["exact"] and abs(got["stamps_frequency_ppm"]) < 500 and \
        got["ports"][0]["coverage"] == 1 and got["ports"][0]["stamps"] == "XDP program" and \
        sum(b["count"] for b in got["departure_error"]) > 0


def make_hook(world):
    """A program of root's where nobody else can write: /run."""
    hook, record = world.runtime / "health", world.runtime / "health.record"
    hook.write_text(f"#!/bin/sh\necho \"$*\" >>{record}\n")
    hook.chmod(0o755)
    record.write_text("")
    return hook, record


def configure(world, hook, more=""):
    world.configure(source="chronyd", extra=f"  stale_after: {STALE_S}s\n  hook: {hook}\n{more}")
    # What chronyd says is served: claims of our own are refused.
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace("  stratum: 1\n  reference_id: TEST\n", ""))


with Tap() as tap, World("source") as world:
    hook, record = make_hook(world)
    configure(world, hook)

    # Its server's port is ours.
    rival = Keeper(world, "rival", "local stratum 5", "allow", "port 123", "cmdport 0")
    wait_for(lambda: b"starting" in rival.log.read_bytes(), 10)
    time.sleep(0.5)
    refused = world.start(wait=False)
    tap.ok(wait_for(lambda: not refused.alive(), 30), "F26: with chronyd at our port there is no start")
    tap.ok(said(world, "put `port 0` into chrony.conf") == 1, "and the log says what to do",
           world.server_tail())
    world.stop()
    rival.stop()

    # A hardware clock that is none: there is none here.
    plain = world.configuration.read_text()
    for device, complaint in ("/dev/null", "is no hardware clock"), ("/dev/ptp9", "cannot open"):
        world.configuration.write_text(plain.replace(
            "source: chronyd", f"source: phc:{device}\n  stratum: 1\n  reference_id: PTP"))
        got = subprocess.run(world.server.command(BUILD / "noonmarkd", "-c", world.configuration,
                                                  "--check-config"), stderr=subprocess.PIPE, text=True)
        refused = world.start(wait=False)
        tap.ok(got.returncode == 1 and complaint in got.stderr and device in got.stderr and
               wait_for(lambda: not refused.alive(), 30) and said(world, complaint) >= 1,
               f"F26: {device} as a hardware clock is refused, by --check-config, too",
               got.stderr + world.server_tail())
        world.stop()
    world.configuration.write_text(plain)

    # Nobody is there yet.
    world.start()
    reply = ask(world)
    tap.ok(reply and reply.leap == 3 and reply.stratum == 0,
           "F28: without a chronyd replies say that the clock is not synchronised", reply)
    tap.ok(wait_for(lambda: record.read_text() == "unhealthy stale\n", 10),
           "the hook is told so, once", record.read_text())

    # One that follows nobody, but may say so.
    keeper = Keeper(world, "keeper", "local stratum 5")
    reply, took = awaited(world, lambda r: r.leap == 0, 10)
    tap.ok(reply and reply.stratum == 5 and reply.reference == 0x7f7f0101,
           "chronyd's stratum and reference are served", f"{reply}\n{keeper.tail()}")
    tap.ok(wait_for(lambda: record.read_text() == "unhealthy stale\nhealthy\n", 10),
           "the hook is told that all is well", record.read_text())
    got = clock(world)
    tap.ok(got.get("source") == "chronyd" and got.get("stratum") == 5 and
           got.get("reference_id") == "127.127.1.1", "noonmarkctl shows them", got)
    got = clock_in_full(world)
    tap.ok(wait_for(lambda: is_in_full(clock_in_full(world)), 5), "noonmarkctl clock shows all of it",
           got)

    # Stopped still, not dead: it says nothing any more.
    keeper.send(19)
    watch = Stopwatch()
    early = ask(world)
    reply, _ = awaited(world, lambda r: r.leap == 3, STALE_S + 10)
    took, soon = watch.took(), watch.within(STALE_S + LATE_S)
    tap.ok(early and early.leap == 0, "a chronyd that is late once is no fault", early)
    # Its last word came up to a second before it was stopped.
    got = clock_in_full(world)
    tap.ok(got["health"]["state"] == "unhealthy" and got["health"]["reason"] == "stale" and
           got["health"]["for_s"] < 2, "its reason is shown", got)
    tap.ok(reply and STALE_S - 1.1 <= took and soon,
           f"F28: {STALE_S} s without its word the clock is marked", f"{reply} after {took:.2f} s")
    keeper.send(18)
    reply, watch = awaited(world, lambda r: r.leap == 0, 10)
    tap.ok(reply and watch.within(LATE_S + 1), "and no longer, when it speaks again", f"{reply} {watch}")

    # Killed, and another one in its place: a socket that was refused once is of use again.
    wait_for(lambda: record.read_text().count("\n") == 4, 10)
    keeper.stop(9)
    reply, watch = awaited(world, lambda r: r.leap == 3, STALE_S + 10)
    tap.ok(reply and watch.within(STALE_S + LATE_S), "a chronyd that was killed is noticed as soon",
           f"{reply} after {watch}")
    wait_for(lambda: record.read_text().count("\n") == 5, 10)
    keeper = Keeper(world, "keeper2", "local stratum 7")
    reply, took = awaited(world, lambda r: r.leap == 0, 15)
    tap.ok(reply and reply.stratum == 7, "its successor is followed without a restart of ours", reply)
    tap.ok(wait_for(lambda: record.read_text().count("\n") == 6, 10) and
           record.read_text() == "unhealthy stale\nhealthy\n" * 3,
           "the hook ran once for each change", record.read_text())

    # Control dies and comes back: nothing has changed for the hook, and replies go on.
    marked = []
    os.kill(world.children()["control"], 9)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        reply = ask(world)
        marked.append(reply is None or reply.leap != 0)
        time.sleep(0.02)
    tap.ok(not any(marked), "F1: the death of control marks no reply", f"{sum(marked)} of {len(marked)}")
    tap.ok(record.read_text() == "unhealthy stale\nhealthy\n" * 3, "and is no change for the hook",
           record.read_text())
    keeper.stop()
    world.stop()

    # A chronyd that follows a server, in the other namespace; and silence while it is not there.
    record.write_text("")
    configure(world, hook, "  on_unhealthy: silent\n  max_error: 500ms\n")
    truth = world.directory("truth")
    (truth / "chrony.conf").write_text("\n".join([
        "user root", "local stratum 3", "allow", "port 1123", "cmdport 0", f"pidfile {truth}/pid",
        f"bindcmdaddress {truth}/chronyd.sock", "manual"]) + "\n")
    server = Program("truth", world.client.command(
        *world.no_clock, CLIENTS / "chrony/usr/sbin/chronyd", "-x", "-d", "-f",
        truth / "chrony.conf"), truth / "log")
    world.programs.append(server)
    keeper = Keeper(world, "follower",
                    "server 10.123.0.2 port 1123 iburst minpoll -4 maxpoll -4")
    world.start(wait=False)
    # Its first measurements may differ by much on a busy machine; its dispersion falls with more.
    reply, _ = awaited(world, lambda r: r.leap == 0 and r.dispersion < 0.1, 60)
    tap.ok(reply and reply.leap == 0 and reply.stratum == 4 and reply.reference == 0x0a7b0002 and
           0 < reply.delay < 0.1 and reply.dispersion < 0.1,
           "a chronyd that follows a server: its stratum, reference, root delay and dispersion",
           f"{reply}\n{keeper.tail()}")
    tap.ok(wait_for(lambda: record.read_text() == "healthy\n", 10), "the hook runs at the start, too",
           record.read_text())
    keeper.stop(9)
    wait_for(lambda: ask(world) is None, STALE_S + 10)
    dropped = lambda: (world.status() or {"counters": {"dropped_unhealthy": 0}})["counters"][
        "dropped_unhealthy"]
    before = dropped()
    tap.ok(all(ask(world) is None for _ in range(3)) and dropped() == before + 3,
           "F6: with time.on_unhealthy: silent no request is answered, and each is counted",
           world.status_text())
    tap.ok(wait_for(lambda: record.read_text() == "healthy\nunhealthy stale\n", 5),
           "the hook is told", record.read_text())
