"""Standard error is a pipe whose reader sleeps while keys are rotated and warnings pour: time is served on,
marked good, and noonmarkctl answers. Awake again, the reader finds each line or is told how many were lost.

--seconds N: how long it sleeps; 8 without."""

import fcntl
import os
import re
import signal
import sys
import time

from harness import Stopwatch, Tap, World, wait_for

SECONDS = int(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 8
ENOUGH = 150  # hangups, of two lines each: more than the pipe and the ring of lines hold
WHEN = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z noonmarkd: ")
LOST = re.compile(r"warning: (\d+) lines? of log (?:was|were) lost: ")


class Sleeper:
    """The reader of a small pipe, which reads when it is told to."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, 4096)
        self.text = b""

    def read(self):
        while True:
            try:
                got = os.read(self.fd, 65536)
            except BlockingIOError:
                return self.text.decode()
            if not got:
                return self.text.decode()
            self.text += got


def sleep_through(tap, world):
    """While the reader sleeps."""
    hangups = silent = marked = asked = unanswered = slow = 0
    keys = set()
    slowest = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or hangups < ENOUGH:
        world.noonmarkd.send(signal.SIGHUP)  # a line, and its answer another
        hangups += 1
        reply = world.sntp()
        asked += 1
        silent += reply is None
        marked += reply is not None and (reply[0] >> 6 == 3 or reply[1] == 0)
        watch = Stopwatch()
        status = world.status()
        slowest = max(slowest, watch.took())
        slow += not watch.within(2)
        unanswered += status is None
        if status:
            keys.update(k["id"] for k in status["keys"] if k["role"] == "current")
        time.sleep(0.02)
    tap.note(f"{asked} requests, {hangups} times SIGHUP, {len(keys)} keys, status after {slowest:.3f} s at most")
    tap.equal((silent, marked), (0, 0), "P7: each request is answered, and none is marked")
    tap.equal(unanswered, 0, "noonmarkctl is answered each time")
    tap.equal(slow, 0, "and at once")
    tap.ok(len(keys) >= SECONDS - 2, "keys are rotated", keys)
    tap.ok(world.answers_ke(), "and NTS-KE takes connections")
    return hangups


with Tap() as tap, World("log") as world:
    fifo = world.runtime / "log"
    sleeper = Sleeper(fifo)
    world.configure(rotate="1s")
    world.start(prefix=("sh", "-c", 'exec "$@" 2>"$0"', fifo))
    serving = lambda: {role: pid for role, pid in world.children().items() if role != "reload"}
    before = serving()
    sleeper.read()
    hangups = sleep_through(tap, world)
    tap.equal(serving(), before, "the processes are the same as before")

    asleep = len(sleeper.text)
    lines = lambda: sleeper.read()[asleep:].splitlines()
    tap.ok(wait_for(lambda: any(LOST.search(line) for line in lines()), 5), "awake, the reader is told what was lost",
           lines()[-5:])
    time.sleep(1.5)  # a reload and a rotation may still be under way
    got = lines()
    lost = sum(int(LOST.search(line)[1]) for line in got if LOST.search(line))
    there = sum("reloading on SIGHUP" in line for line in got)
    tap.note(f"{len(got)} lines, {lost} lost; {there} of {hangups} hangups are told of")
    tap.ok(there + lost >= hangups, "each line is there or counted")
    tap.ok(all(WHEN.match(line) for line in got), "each line says when and who", [x for x in got if not WHEN.match(x)])
    lines_of = {name: status["log_lines_lost"] for name, status in world.status().items()
                if name in ("control", "ke_process", "dataplane")}
    tap.ok(sum(lines_of.values()) <= lost, "and status counts those of each process", lines_of)

    watch = Stopwatch()
    tap.equal(world.stop(), 0, "SIGTERM ends it with status 0")
    tap.ok(watch.within(6), "within its deadlines", watch)
    sleeper.read()

    # The reason of a start that failed comes out.
    world.configuration.write_text(world.configuration.read_text().replace(
        str(world.certificate), "/nowhere/cert.pem"))
    world.start(wait=False, prefix=("sh", "-c", 'exec "$@" 2>"$0"', fifo))
    world.noonmarkd.process.wait(20)
    told = sleeper.read()
    tap.ok("noonmarkd: error: " in told and "/nowhere/cert.pem" in told, "a failed start says why", told[-400:])
