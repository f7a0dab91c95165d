"""Lets a chronyd measure a server that reads the same clock: the offset should be 0.

The thread that serves has the last CPU and the best nice value there; all other threads of the
server, the client and the load tester are on the first. A real-time priority would be worse for a
thread that polls: Linux takes it off its CPU for 50 ms a second as soon as anything else wants that
CPU. The kernel's softirq thread of the server's CPU gets a real-time priority: woken by a burst, it
would otherwise wait for the thread that polls, and the packets with it.
"""

import contextlib
import math
import os
import pathlib
import signal
import sys
import time

import contestants
import cpu
import exchanges
from capture import Capture
from contestants import SERVER_CPU, TESTER_CPU
from cores import threads_share_alike
from harness import CLIENT_IF, NTP_PORT, SERVER_V4, Program, wait_for
from measure import Failed, Load, patience

CLIENT_PORT = 1123
POLL = -6  # 64 requests a second
LISTEN_S = 10  # the longest time between two reads of captured packets
SETTLED = 32  # exchanges before the first measurement
LOAD_RATE = 100_000
SERVING = -20  # nice
SOFTIRQS, STOPPING = 55, 60  # real-time priorities
# The load comes last: a tester's XDP program has been on the client's interface from then on.
SITUATIONS = {"unloaded": "unloaded", "stopped": "core stopped at random times",
              "loaded": "beside 100,000 requests a second"}


class Judged:
    """A contestant whose time is judged."""

    bench = "truth"
    confined_to = {TESTER_CPU}  # as it starts
    clients = 256
    situations = tuple(SITUATIONS)
    options = ""  # options of the client's server line
    client_port = CLIENT_PORT  # None: another one for each request

    def place(self):
        """The serving threads to the last CPU, first in line there; all others to the first."""
        serving = self.serving_threads()
        for _, tid in cpu.threads(self.pids()):
            if tid not in serving:
                os.sched_setaffinity(tid, {TESTER_CPU})
        for tid in serving:
            os.sched_setaffinity(tid, {SERVER_CPU})
            os.setpriority(os.PRIO_PROCESS, tid, SERVING)
        return serving


class Xdp(Judged, contestants.Xdp):
    title = "noonmarkd, AF_XDP"

    def serving_threads(self):
        return [tid for name, tid in cpu.threads(self.pids()) if name.startswith("core ")]


class Chronyd(Judged, contestants.Chronyd):
    title = "chronyd"

    def serving_threads(self):
        return [self.program.pid]


class Interleaved(Chronyd):
    key, title = "xleave", "chronyd, client with xleave"
    situations = "unloaded", "loaded"
    options = "xleave"


class XdpInterleaved(Xdp):
    key, title = "xdp-xleave", "noonmarkd, AF_XDP, client with xleave"
    options = "xleave"


class XdpTwoCores(XdpInterleaved):
    """Each request of the client has another port, and so any of the two queues. The core on the
    client's CPU sleeps while nothing comes, or the client would hardly run."""

    key, title = "xdp-xleave-2", "noonmarkd, AF_XDP, two cores, client with xleave"
    cpus = [TESTER_CPU, SERVER_CPU]
    confined_to = {TESTER_CPU, SERVER_CPU}  # a polling thread pins itself
    queues = 2
    client_port = None
    situations = ("unloaded",)

    def configuration(self):
        return {"idle": "adaptive"}

    def place(self):
        return self.serving_threads()


SERVERS = {kind.key: kind for kind in (Xdp, XdpInterleaved, XdpTwoCores, Chronyd, Interleaved)}


@contextlib.contextmanager
def softirqs_first():
    thread = cpu.ksoftirqd(SERVER_CPU)
    if not thread:
        yield
        return
    before = os.sched_getscheduler(thread), os.sched_getparam(thread)
    os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(SOFTIRQS))
    try:
        yield
    finally:
        os.sched_setscheduler(thread, *before)


class Client:
    """A chronyd that asks 64 times a second, selects nothing and logs everything."""

    def __init__(self, contestant):
        self.interleaved = contestant.options == "xleave"
        world = contestant.world
        port = contestant.client_port
        self.capture = Capture(world.client, CLIENT_IF, port, NTP_PORT)
        self.log = world.home / "client/measurements.log"
        self.program = world.chronyd("client", SERVER_V4, poll=POLL,
                                     options=f"noselect {contestant.options}", extra=(
                                         f"logdir {self.log.parent}", "log rawmeasurements",
                                         "logbanner 0", *([f"acquisitionport {port}"] if port else [])))

    def __enter__(self):
        if not wait_for(lambda: len(self.rows()) >= SETTLED, 30):
            self.capture.close()
            raise Failed(f"the client gets no replies\n{self.program.explain()}")
        return self

    def __exit__(self, *_):
        self.capture.close()

    def rows(self):
        text = self.log.read_text() if self.log.exists() else ""
        return exchanges.read_log(text[:text.rfind("\n") + 1])

    def pairs(self, begin_ns, end_ns):
        """The exchanges in that time, and the number of requests."""
        rows = self.rows()
        seen = self.capture.read()
        asked = sum(begin_ns <= at < end_ns for at in seen.asked)
        pairs = exchanges.pair(rows, seen.replies, self.interleaved, begin_ns, end_ns)
        agreeing = sum(row.agrees(exchange) for row, exchange in pairs)
        if len(rows) > len(seen.replies) or agreeing < 0.99 * len(pairs):
            raise Failed(f"the client's log and its packets differ: {len(rows)} and "
                         f"{len(seen.replies)} replies, {agreeing} of {len(pairs)} with the same "
                         "delay")
        return pairs, asked


@contextlib.contextmanager
def stops(world):
    """The server's core is stopped at random times while this lasts."""
    script = pathlib.Path(__file__).parent / "stop_server.py"
    program = Program("stops", [sys.executable, script, SERVER_CPU, STOPPING],
                      world.home / "stops.log")
    world.programs.append(program)
    try:
        yield program
        if not program.alive():
            raise Failed(program.tail())
    finally:
        program.stop(signal.SIGTERM)
        world.programs.remove(program)


class Loaded:
    """ntpsperf's requests beside the client's."""

    def __init__(self, contestant, seconds):
        self.contestant = contestant
        self.seconds = patience(contestant, seconds)
        before = contestant.flows()[0]
        self.load = Load(contestant, "nts", "--rate", LOAD_RATE, "--reuse", "--duration",
                         f"{self.seconds:.0f}s", "--timeout", "500ms")
        if not wait_for(lambda: contestant.flows()[0] > before + 2 * LOAD_RATE / 10 or
                        not self.load.running(), self.seconds, 0.1) or not self.load.running():
            raise Failed(self.end() or "the load tester got no replies")

    def end(self):
        """The rates of requests sent and answered."""
        self.load.interrupt()
        got = self.load.result(self.seconds)
        return {"sent_rate": got["rate"], "answered_rate": got["answered_rate"]}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.load.__exit__()


def measure(contestant, client, serving, situation, seconds):
    with contextlib.ExitStack() as stack:
        load = hog = None
        if situation == "loaded":
            load = stack.enter_context(Loaded(contestant, seconds))
        if situation == "stopped":
            hog = stack.enter_context(stops(contestant.world))
        time.sleep(0.3)
        cores = answered_by(contestant)
        before = usage(serving, hog)
        begin = time.time_ns()
        parts = math.ceil(seconds / LISTEN_S)
        for _ in range(parts):
            time.sleep(seconds / parts)
            client.capture.read()
        end = time.time_ns()
        waited, ran, taken = (b - a for a, b in zip(before, usage(serving, hog)))
        cores = [after - before for before, after in zip(cores, answered_by(contestant))]
        got = load.end() if load else {}
        time.sleep(0.1)  # for packets in flight
    pairs, asked = client.pairs(begin, end)
    if not pairs:
        raise Failed("no exchange was measured")
    span = end - begin
    return {**exchanges.figures(pairs), **got, "requests": asked, "cores": cores, "share": 1 - waited / span,
            "busy": ran / span, "stopped": taken / span}


def answered_by(contestant):
    """Replies of each core until now; chronyd has none."""
    return [core["answered_nts"] for core in contestant.cores()]


def usage(serving, hog):
    ran, waited = cpu.ran_and_waited(serving)
    return waited, ran, cpu.ran_and_waited([hog.pid])[0] if hog else 0


def judge(kind, situations, seconds, say):
    """{situation: figures} of one server, in one world."""
    got = {}
    with threads_share_alike(say), softirqs_first(), kind() as contestant:
        serving = contestant.place()
        with Client(contestant) as client:
            for situation in kind.situations:
                if situation in situations:
                    say(SITUATIONS[situation])
                    try:
                        got[situation] = measure(contestant, client, serving, situation, seconds)
                    except Failed as failure:
                        say(f"failed: {failure}")
                        got[situation] = {"error": str(failure)}
    return got
