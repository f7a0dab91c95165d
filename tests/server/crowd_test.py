"""What a crowd of connections and many reloads take in memory goes back to the system: sessions that
say nothing after their handshake, and clients that send their ClientHello octet by octet. The
certificates are replaced while the crowd is there, and exchanges go on while it leaves.

The short form runs with the other server tests. The long one, with as many open files:
    python3 tests/server/crowd_test.py --idle 5000 --slow 4000 --reloads 100 --stay"""

import argparse
import contextlib
import pathlib
import resource
import socket
import ssl
import subprocess
import time

from harness import BUILD, KE_PORT, SERVER_V4, Tap, World, wait_for
from probe import Probe, client_context

WITHIN = 1.05  # of what it was before
LEAST, MOST = 8, 64  # KiB of ke for each connection: less, and there was no crowd


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idle", type=int, default=300, help="sessions that say nothing")
    parser.add_argument("--slow", type=int, default=300, help="clients with a slow hello")
    parser.add_argument("--after", type=float, default=30,
                        help="seconds after which the memory must have gone back")
    parser.add_argument("--stay", action="store_true", help="wait that long in any case")
    parser.add_argument("--reloads", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def resident(pid):
    """VmRSS in KiB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def client_hello():
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        client_context().wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    return out.read()


class Crowd:
    """Must be whole before its first connection's deadline, the longest that there is."""

    def __init__(self, world, idle, slow):
        self.world, self.held = world, []
        hello, context = client_hello(), client_context()
        with world.client.entered():
            for at in range(slow):
                self.held.append(socket.create_connection((SERVER_V4, KE_PORT), 10))
                self.held[at].send(hello[:1])
            for _ in range(idle):
                s = socket.create_connection((SERVER_V4, KE_PORT), 10)
                self.held.append(context.wrap_socket(s))
        for at in range(1, 6):
            for s in self.held[:slow]:
                with contextlib.suppress(OSError):  # then the crowd is not whole
                    s.send(hello[at:at + 1])

    def is_whole(self):
        return self.world.status()["ke"]["open"] == len(self.held)

    def leave(self):
        while self.held:
            self.held.pop().close()


class Test:
    def __init__(self, tap, world, options):
        self.tap, self.world, self.options = tap, world, options
        self.probe = Probe(world)
        self.pids = {"supervisor": world.noonmarkd.pid, **world.children()}

    def sizes(self):
        return {name: resident(pid) for name, pid in self.pids.items()}

    def exchange(self):
        return len(self.probe.ke()["cookies"]) == 8

    def reload(self):
        """With another certificate each time, so that ke makes its contexts anew."""
        self.world.certify()
        got = subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, "reload"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return got.returncode == 0 and "applied: control.certificates" in got.stdout

    def settle(self, before, text):
        """Exchanges go on until the memory has gone back, or the time is up."""
        begun, served, took = time.monotonic(), [], None
        while True:
            served.append(self.exchange())
            now, passed = self.sizes(), time.monotonic() - begun
            back = all(now[name] <= before[name] * WITHIN for name in before)
            took = (took or passed) if back else None
            if passed >= self.options.after or (back and not self.options.stay):
                break
            time.sleep(0.2)
        self.tap.note(f"{text}, KiB: {now}; " + ", ".join(
            f"{name} {now[name] / before[name]:.3f}" for name in now) +
            (f"; all within {WITHIN} after {took:.1f} s" if took is not None else ""))
        for name in before:
            self.tap.ok(now[name] <= before[name] * WITHIN, f"F18: {text}, {name} has given its "
                        "memory back", f"KiB: {before[name]} before, {now[name]} now")
        self.tap.ok(all(served), f"F18: {text}, exchanges go on", f"{served.count(False)} failed")
        self.tap.equal(self.world.children(), {k: self.pids[k] for k in self.pids if k != "supervisor"},
                       f"F18: {text}, no process has died")

    def warm(self):
        """Each thread makes some things once: at its first exchange, at the first reload."""
        crowd = Crowd(self.world, 20, 20)
        ready = [wait_for(crowd.is_whole, 20), self.reload(), self.reload()]
        crowd.leave()
        for _ in range(15):
            ready.append(self.exchange())
            time.sleep(0.2)
        self.tap.ok(all(ready), "exchanges and reloads succeed", ready)

    def run(self):
        tap, n = self.tap, self.options.idle + self.options.slow
        self.warm()
        before = self.sizes()
        tap.note(f"before, KiB: {before}")

        crowd = Crowd(self.world, self.options.idle, self.options.slow)
        tap.ok(wait_for(crowd.is_whole, 20), f"F18: a crowd of {n} is held, none is refused",
               self.world.status()["ke"])
        tap.ok(self.reload(), "F15: new certificates are taken meanwhile")
        held = self.sizes()
        each = (held["ke"] - before["ke"]) / n
        tap.note(f"with the crowd, KiB: {held}; {each:.1f} for each connection")
        tap.ok(LEAST <= each <= MOST, "F17: the crowd takes memory, and not too much",
               f"{each:.1f} KiB for each connection")
        crowd.leave()
        self.settle(before, "after the crowd")

        before = self.sizes()
        done = [self.reload() for _ in range(self.options.reloads)]
        tap.ok(all(done), f"F15: {len(done)} reloads", f"{done.count(False)} were refused")
        self.settle(before, f"after {len(done)} reloads")


with Tap() as tap, World("crowd") as world:
    options = parse()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    world.configure(threads=options.threads, max_connections=10000, deadline="60s")
    world.start()
    Test(tap, world, options).run()
