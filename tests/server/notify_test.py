"""What a service manager hears of the real noonmarkd: ready once it serves, signs of life, reloads, the end. The test is the
manager: the socket is its own."""

import pathlib
import signal
import socket

from harness import Tap, World, wait_for


class Manager:
    """The messages that came, oldest first, and who sent them."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.05)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.messages, self.senders = [], set()

    def read(self):
        try:
            while True:
                text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
                self.messages.append(text.decode().splitlines())
                self.senders |= {int.from_bytes(data[:4], "little") for _, _, data in ancillary}
        except TimeoutError:
            return self.messages

    def states(self):
        """Without the signs of life, and the sockets to keep, which are kept_sockets_test.py's."""
        return [m[0] for m in self.read() if m[0] != "WATCHDOG=1" and not m[0].startswith("FDSTORE")]

    def signs(self):
        return sum(m == ["WATCHDOG=1"] for m in self.read())

    def hears(self, states):
        return wait_for(lambda: self.states() == states, 10)


def environment(pid):
    return pathlib.Path(f"/proc/{pid}/environ").read_text()


with Tap() as tap, World("notify") as world:
    manager = Manager(world.runtime / "notify")
    world.start(prefix=["env", f"NOTIFY_SOCKET={manager.path}", "WATCHDOG_USEC=2000000"], wait=False)
    tap.ok(manager.hears(["READY=1"]), "it says that it is ready", manager.messages)
    tap.ok(world.is_serving(), "and serves by then", world.server_tail())
    signs = manager.signs()
    tap.ok(wait_for(lambda: manager.signs() >= signs + 3, 5), "it gives signs of life", manager.messages)
    tap.ok(all("NOTIFY_SOCKET" not in environment(pid) and "WATCHDOG" not in environment(pid)
               for pid in world.children().values()), "no child has the manager's address")

    world.noonmarkd.send(signal.SIGHUP)
    tap.ok(manager.hears(["READY=1", "RELOADING=1", "READY=1"]), "a reload begins and ends", manager.messages)
    began = next(m for m in manager.messages if m[0] == "RELOADING=1")
    tap.ok(any(line.startswith("MONOTONIC_USEC=") for line in began), "and tells when it began", began)

    pid = world.noonmarkd.pid
    tap.equal(world.stop(), 0, "it ends")
    tap.equal(manager.states()[3:], ["STOPPING=1"], "and says so")
    tap.equal(manager.senders, {pid}, "it is the supervisor that speaks")
