"""Sockets that a service manager keeps over a restart (systemd's file descriptor store): nothing is refused, and what comes
meanwhile waits. The test is the manager: it takes descriptors with FDSTORE=1 and hands them to the next noonmarkd.

--compare: also what clients see of a restart with a manager that keeps nothing, as figures."""

import array
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

from harness import KE_PORT, NTP_PORT, SERVER_V4, Program, Tap, World, wait_for
from probe import exchange

# As systemd does: descriptors from 3 on, and the number of the process that they are for.
HAND_OVER = """
import os, sys
high = [int(f) for f in sys.argv[1].split(",") if f]
for to, at in enumerate(high):
    os.dup2(at, 3 + to)
    os.close(at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


class Manager:
    """store: (name, descriptor) of each kept one."""

    def __init__(self, world, keeps=True):
        self.world, self.keeps, self.store, self.polled = world, keeps, [], set()
        self.path = str(world.runtime / f"notify-{keeps}")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)

    def read(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 256))
                lines = dict(line.split("=", 1) for line in text.decode().splitlines())
                fds = array.array("i")
                for _, _, data in ancillary:
                    fds.frombytes(data)
                if lines.get("FDSTOREREMOVE") == "1":
                    self.forget(lines["FDNAME"])
                if lines.get("FDSTORE") == "1" and self.keeps:
                    self.store += [(lines["FDNAME"], fd) for fd in fds]
                    self.polled |= {lines["FDNAME"]} - ({lines["FDNAME"]} if lines.get("FDPOLL") == "0" else set())
                else:
                    for fd in fds:
                        os.close(fd)
        return self.store

    def forget(self, name=None):
        for kept in [k for k in self.store if name in (None, k[0])]:
            os.close(kept[1])
            self.store.remove(kept)

    def names(self):
        return [name for name, _ in self.read()]

    def kinds(self):
        """How many of each name."""
        names = self.names()
        return {name: names.count(name) for name in names}

    def start(self):
        self.read()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 300) for _, fd in self.store]
        world = self.world
        world.noonmarkd = Program("noonmarkd", world.server.command(
            "env", f"NOTIFY_SOCKET={self.path}", sys.executable, "-c", HAND_OVER, ",".join(map(str, high)),
            ":".join(name for name, _ in self.store), world.binary, "-c", world.configuration),
            world.home / "noonmarkd.log", pass_fds=high)
        world.programs.append(world.noonmarkd)
        for fd in high:
            os.close(fd)

    def started(self):
        self.start()
        return wait_for(lambda: self.read() is not None and self.world.is_serving(), 30)


def connect(world, port=KE_PORT):
    s = world.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(30)
    try:
        s.connect((SERVER_V4, port))
        return s
    except ConnectionRefusedError:
        return None


class Asker:
    """Requests from one socket. An ICMP error of one is an error of a later send or recv."""

    def __init__(self, world):
        self.socket = world.client.socket()
        self.socket.connect((SERVER_V4, NTP_PORT))
        self.socket.setblocking(False)
        self.sent = self.answered = self.errors = 0

    def ask(self, n=1):
        for _ in range(n):
            self.sent += 1
            with self.error_counted():
                self.socket.send(struct.pack(">B39xQ", 4 << 3 | 3, self.sent))
        self.hear()

    def hear(self):
        while select.select([self.socket], [], [], 0)[0]:
            with self.error_counted():
                self.answered += len(self.socket.recv(2048)) >= 48
        return self.answered

    @contextlib.contextmanager
    def error_counted(self):
        try:
            yield
        except ConnectionRefusedError:
            self.errors += 1


def restart_under_load(world, manager):
    """What clients see of it: a request each 5 ms, a connection each 20 ms."""
    asker, ends, seen = Asker(world), threading.Event(), {"connections": 0, "refused": 0}

    def ask():
        while not ends.wait(0.005):
            asker.ask()

    def knock():
        while not ends.wait(0.02):
            s = connect(world)
            seen["connections"] += 1
            seen["refused"] += s is None
            if s:
                s.close()

    threads = [threading.Thread(target=f) for f in (ask, knock)]
    for t in threads:
        t.start()
    time.sleep(0.2)
    begun = time.monotonic()
    world.stop()
    stopped = time.monotonic()
    served = manager.started()
    done = time.monotonic()
    time.sleep(0.2)
    ends.set()
    for t in threads:
        t.join()
    time.sleep(0.3)
    asker.hear()
    return served, {"stop_s": round(stopped - begun, 2), "start_s": round(done - stopped, 2), "requests": asker.sent,
                    "answered": asker.answered, "icmp_errors": asker.errors, **seen}


def figures(tap):
    for keeps in (False, True):
        for port in ("interface", "socket"):
            with World("kept_sockets") as world:
                if port == "socket":
                    world.configure(ports=f'    - socket: "{SERVER_V4}:{NTP_PORT}"\n')
                manager = Manager(world, keeps)
                manager.started()
                for _ in range(3):
                    tap.note(f"{port}, kept: {keeps}: {restart_under_load(world, manager)[1]}")


def stale(world):
    """Requests that had waited for more than a second, as the server that runs has counted them."""
    status = world.status()
    return status["dataplane"]["kernel_path_stale"] + status["ports"][0]["rx_missed"]


def accounted_for(asker, world):
    return wait_for(lambda: asker.hear() + stale(world) >= asker.sent, 10)


def waits(tap, world, manager, what):
    """Both kinds of clients while no server lives at all."""
    world.stop()
    asker, connection = Asker(world), connect(world)
    asker.ask(20)
    tap.ok(connection is not None, f"{what}: a connection is not refused while no server lives")
    tap.ok(manager.started(), f"{what}: the next one starts with what was kept", world.server_tail())
    tap.ok(connection and exchange(connection), f"{what}: the connection is served")
    tap.ok(accounted_for(asker, world), f"{what}: so are requests, or they are counted as too old",
           f"{asker.sent} sent, {asker.answered} answered, {stale(world)} stale")
    tap.note(f"{asker.sent} sent, {asker.answered} answered, {stale(world)} stale")
    tap.equal(asker.errors, 0, f"{what}: and nobody was told that nothing listens")


def test(tap, world):
    manager = Manager(world)
    tap.ok(manager.started(), "it serves", world.server_tail())
    tap.ok(wait_for(lambda: manager.kinds() == {"kept-ke": 2, "kept-ntp": 2, "kept-clock": 1}, 10),
           "the manager is given listeners and guard sockets, nothing else", manager.store)
    tap.equal(manager.polled, set(), "and need not look whether they have errors")
    waits(tap, world, manager, "interface")

    served, seen = restart_under_load(world, manager)
    tap.ok(served, "it is restarted under load", world.server_tail())
    tap.note(seen)
    tap.equal((seen["refused"], seen["icmp_errors"]), (0, 0), "no connection and no request is refused")

    text = world.configuration.read_text()
    world.configuration.write_text(text.replace(f', "[::]:{KE_PORT}"', ""))
    world.noonmarkd.send(signal.SIGHUP)
    tap.ok(wait_for(lambda: manager.kinds() == {"kept-ke": 1, "kept-ntp": 2, "kept-clock": 1}, 30),
           "a reload that ends a listener has the manager forget it", manager.store)

    world.stop()
    world.configure(ports=f'    - socket: "{SERVER_V4}:{NTP_PORT}"\n', cores=[0], extra="metrics: {listen: 127.0.0.1:9460}\n")
    other = f"0.0.0.0:{KE_PORT + 1}"
    world.configuration.write_text(world.configuration.read_text().replace(f'"0.0.0.0:{KE_PORT}", ', f'"{other}", '))
    tap.ok(manager.started(), "another configuration starts with what was kept for the old one", world.server_tail())
    tap.ok(wait_for(lambda: manager.kinds() == {"kept-ke": 2, "kept-ntp": 1, "kept-metrics": 1, "kept-clock": 1}, 10),
           "the manager has the sockets of the new one", manager.store)
    tap.ok(connect(world) is None and connect(world, KE_PORT + 1), "where nothing is configured, nothing listens")
    world.configuration.write_text(world.configuration.read_text().replace(f'"{other}", ', f'"0.0.0.0:{KE_PORT}", '))
    world.stop()
    tap.ok(manager.started(), "and back", world.server_tail())
    waits(tap, world, manager, "socket")


with Tap() as tap:
    if "--compare" in sys.argv[1:]:
        figures(tap)
    else:
        with World("kept_sockets") as world:
            test(tap, world)
