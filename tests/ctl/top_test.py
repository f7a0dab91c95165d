#!/usr/bin/env python3
"""noonmarkctl top in a pseudo terminal, with a server whose counters rise by what the test says. Prints TAP."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

from points import report

CTL = pathlib.Path(os.environ["NOONMARK_BUILD"]) / "noonmarkctl"
EVIL = "\x1b[2Jname\x07\x9b31m"
PATIENCE_S = 30
CORES = 64


class Server(threading.Thread):
    """Each request for status finds 1000 s of traffic more, so that rates are great whatever the second took."""

    def __init__(self, path, idle="poll", cores=CORES):
        super().__init__(daemon=True)
        self.idle, self.cores, self.asked, self.silent = idle, cores, 0, False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.start()

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            request = peer.recv(64)
            if not self.silent:
                answer = self.status() if request == b"status\n" else self.clock()
                peer.sendall(json.dumps(answer).encode() + b"\n")
            peer.close()

    def status(self):
        self.asked += 1
        n = self.asked * 1000
        return {
            "version": EVIL, "dataplane": {"serving": True, "idle": self.idle, "kernel_path_stale": 0, "guard_discarded": 0},
            "counters": {"frames_received": 100 * n, "answered_plain": 50 * n, "answered_nts": 40 * n, "answered_nak": n,
                         "dropped_runt": 2 * n, "dropped_mode": 7 * n, "dropped_fields": 0},
            "kernel_path": {"frames_received": n}, "ports": [{"name": EVIL, "rx_missed": 3 * n}],
            "cores": [{"cpu": i, "frames_received": n, "busy_cycles": 500 * n, "departure_ns": 2500}
                      for i in range(self.cores)],
            "ke": {"accepted": 5 * n, "completed": 4 * n, "open": 3},
            "keys": [{"id": "1", "role": "current", "age_s": 90}, {"id": "2", "role": "future", "age_s": 30},
                     {"id": "3", "role": "old", "age_s": 150}],
        }

    def clock(self):
        return {"clock": {"source": EVIL, "serving": True, "synchronised": True, "stratum": 1},
                "health": {"state": "unhealthy", "reason": "stale", "for_s": 12.2}, "error_bound_s": 0.00125,
                "source_offset_s": -1.5e-06, "tsc_hz": 1000000}


class Terminal:
    """A noonmarkctl top in a pseudo terminal."""

    def __init__(self, path, columns=80, rows=24):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.size(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.seen = b""
        self.top = subprocess.Popen([CTL, "-s", path, "top"], stdin=slave, stdout=slave, stderr=subprocess.PIPE,
                                    start_new_session=True)

    def size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0.05)[0]:
            self.seen += os.read(self.master, 65536)

    def views(self):
        """Every whole screen that was drawn, as lines."""
        self.read()
        drawn = self.seen.decode(errors="replace").split("\x1b[H")[2:]
        return [view.split("\x1b[J")[0].replace("\x1b[K", "").split("\r\n")[:-1] for view in drawn if "q ends" in view]

    def wait_view(self, fits):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            views = self.views()
            if views and fits(views[-1]):
                return views[-1]
        return self.views()[-1] if self.views() else []

    def wait_end(self):
        end = time.monotonic() + PATIENCE_S
        while self.top.poll() is None and time.monotonic() < end:
            self.read()  # who is not read from may not end
        self.read()
        return self.top.poll()

    def is_restored(self):
        return self.seen.endswith(b"\x1b[?25h\x1b[?1049l") and termios.tcgetattr(self.slave) == self.before


def has(view, *parts):
    return all(re.search(part, "\n".join(view), re.M) for part in parts)


def is_clean(view):
    return not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for line in view for c in line)


def live(path, server):
    """What is seen in 80x24, after the terminal has grown and shrunk, and while the server is silent."""
    terminal = Terminal(path)
    small = terminal.wait_view(lambda view: has(view, "^requests [1-9]"))
    yield (len(small) == 23 and all(len(line) <= 80 for line in small) and is_clean(small) and
           has(small, "unhealthy: stale for 12 s", r"error at most 1250.000 us, the source's offset -1.500 us",
               "keys     3, rotated 30 s ago, the oldest is 150 s old", "poll: cores poll all the time",
               r"^    0 \[#+ *\] +\d+\.\d %", "2.50 us", "and [0-9]+ more", "^DROPPED", "^dropped_mode +"),
           "80x24: rates, clock, keys, cores and drops, within the screen and without control characters", small)
    causes = [line.split()[0] for line in small[small.index(next(x for x in small if x.startswith("DROPPED"))) + 1:]]
    yield causes[:2] == ["dropped_mode", "rx_missed"], "the largest drops come first", causes
    terminal.size(120, 100)
    terminal.top.send_signal(signal.SIGWINCH)
    large = terminal.wait_view(lambda view: len(view) > 70)
    yield (has(large, r"^   63 \[", "^dropped_runt") and "dropped_fields" not in "\n".join(large) and
           not has(large, "and [0-9]+ more"), "a larger terminal: all cores and all drops that there are", large)
    terminal.size(40, 8)
    terminal.top.send_signal(signal.SIGWINCH)
    tiny = terminal.wait_view(lambda view: len(view) == 7)
    yield len(tiny) == 7 and max(map(len, tiny)) <= 40, "a smaller one: it is cut", tiny
    server.silent = True
    old = terminal.wait_view(lambda view: has(view, "^NO ANSWER, this is old: no complete answ"))
    yield has(old, "^NO ANSWER, this is old: ", "^clock "), "a server that is silent: the last view, and why", old
    server.silent = False
    yield has(terminal.wait_view(lambda view: has(view, "^noonmarkd ")), "^noonmarkd "), "and it goes on when it answers", terminal.views()[-1:]
    os.write(terminal.master, b"xyq")
    code = terminal.wait_end()
    yield (code == 0 and terminal.is_restored(), "q ends it, and the terminal is as it was",
           (code, terminal.seen[-200:], terminal.top.stderr.read()))


def ends(path):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        terminal = Terminal(path)
        terminal.wait_view(lambda view: has(view, "^requests"))
        terminal.top.send_signal(number)
        code = terminal.wait_end()
        yield (code == 0 and terminal.is_restored(), f"{number.name} ends it, and the terminal is as it was",
               (code, terminal.seen[-200:]))


def without_terminal(path):
    def run(*words):
        return subprocess.run([CTL, "-s", path, "top", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    none, once, told = run(), run("--once"), run("--json")
    yield (none.returncode == 1 and "no terminal" in none.stderr and "status --json" in none.stderr,
           "no terminal: exit 1, and what else there is", none)
    yield (once.returncode == 0 and is_clean(once.stdout.splitlines()) and
           has(once.stdout.splitlines(), "^requests [1-9]", r"^   63 \[", "^dropped_runt"), "--once: one view, whole", once)
    view = json.loads(told.stdout)
    rate = view["requests_per_s"]
    yield (0 < view["interval_s"] < 1000 and rate > 0 and abs(view["replies_per_s"]["plain"] / rate - 0.5) < 1e-6 and
           abs(view["ke"]["completed_per_s"] / rate - 0.04) < 1e-6 and len(view["cores"]) == CORES and
           [drop["cause"] for drop in view["drops"]] == ["dropped_mode", "rx_missed", "dropped_runt"] and
           abs(view["cores"][0]["busy"] - min(1, 0.5 / view["interval_s"])) < 0.01 and view["idle"] == "poll" and
           view["clock"]["health"] == "unhealthy", "--json: the same as one object, whose rates agree", view)
    yield (subprocess.run([CTL, "-s", path + "x", "top", "--once"], stderr=subprocess.PIPE, check=False).returncode == 1,
           "no server: exit 1", None)


def main():
    with tempfile.TemporaryDirectory() as place:
        server = Server(f"{place}/socket")
        results = [*live(f"{place}/socket", server), *ends(f"{place}/socket"), *without_terminal(f"{place}/socket")]
        Server(f"{place}/adaptive", idle="adaptive", cores=2)
        got = subprocess.run([CTL, "-s", f"{place}/adaptive", "top", "--once"], stdout=subprocess.PIPE, text=True, check=False)
        results.append((has(got.stdout.splitlines(), "adaptive: cores sleep; stamped arrivals stay exact"),
                        "a server whose cores sleep: what that means for arrivals", got))
    return report(results, "ctl: top: ")


if __name__ == "__main__":
    sys.exit(main())
