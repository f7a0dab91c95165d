"""What was opened once is looked at again: the served interface and its XDP program change underneath
a server that runs, and it answers again within 3 s of the end of the cause, with no rights but those
that it asks for."""

import json
import os
import signal
import subprocess
import time

from harness import (BUILD, CLIENT_IF, CLIENT_V4, CLIENT_V6, Namespace, SERVER_IF, SERVER_V4, SERVER_V6,
                     Stopwatch, Tap, World, wait_for)

BACK_S = 3
OTHER = ("serve1", "10.124.0.1", "fd6e:6e::1"), ("ask1", "10.124.0.2", "fd6e:6e::2")
HOLDS = 1024  # STEER_ADDRESSES_MAX
# The server needs no right to look at the programs of others.
WITHOUT_ADMIN = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world = tap, world

    def answers(self, address=SERVER_V4):
        reply = self.world.sntp(address, timeout=0.1)
        return reply is not None and reply[0] >> 6 != 3

    def port(self, index=0):
        status = self.world.status()
        return status["ports"][index] if status else {}

    def said(self, words, since):
        return words in self.world.noonmarkd.log.read_text(errors="replace")[since:]

    def mark(self):
        return len(self.world.noonmarkd.log.read_text(errors="replace"))

    def state(self, wanted, timeout=BACK_S):
        return wait_for(lambda: self.port().get("state") == wanted, timeout)

    def back(self, text):
        """Answered within BACK_S from now on, and status says what is."""
        watch = Stopwatch()
        self.tap.ok(wait_for(self.answers, BACK_S) and watch.within(BACK_S),
                    f"{text}: answered again within {BACK_S} s", f"{watch}\n{self.world.server_tail(40)}")
        self.tap.note(f"after {watch}")
        self.tap.ok(wait_for(self.is_shown, BACK_S), f"{text}: status shows the port as it is",
                    self.port())

    def is_shown(self):
        port = self.port()
        return port.get("state") == "open" and port["link_up"] and \
            port["mac"] == self.world.mac() and port["xdp_program"] == self.world.program()

    def link(self, *words):
        self.world.server.ip("link", "set", "dev", SERVER_IF, *words)

    def taken_off(self, text="program taken off"):
        mark, before = self.mark(), self.world.program()
        got = self.world.server.run("ip", "link", "set", "dev", SERVER_IF, "xdp", "off", check=False,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.tap.ok(got.returncode != 0 and self.world.program() == before and self.answers(),
                    f"{text}: not by 'ip link set xdp off'", got.stdout)
        self.world.break_link()
        self.back(text)
        self.tap.ok(self.said("was taken off", mark), f"{text}: the log says so")

    def replaced(self, text="program replaced"):
        mark = self.mark()
        self.tap.ok(self.world.replace_program(), f"{text}: a foreign one is attached", self.world.server_tail())
        foreign = self.world.program()
        self.tap.ok(self.state("blocked") and self.port()["xdp_program"] == foreign,
                    f"{text}: status shows the port as blocked, and by which program", self.port())
        self.tap.ok("is in the way" in self.world.status_text(), f"{text}: noonmarkctl says so")
        self.tap.ok(self.said(f"has the id {foreign}", mark) and
                    self.said(f"ip link set dev {SERVER_IF} xdp off", mark),
                    f"{text}: the log has its id and the command", self.world.server_tail())
        time.sleep(2)
        self.tap.equal(self.world.program(), foreign, f"{text}: and it is left alone")
        self.link("xdp", "off")
        self.back(text)

    def made_again(self):
        for pause in (0, 2):
            mark = self.mark()
            self.world.server.ip("link", "del", SERVER_IF)
            if pause:
                self.tap.ok(self.state("missing") and not self.port()["link_up"] and
                            self.port()["mac"] == "00:00:00:00:00:00",
                            "interface deleted: status shows that it is missing", self.port())
                self.tap.ok("there is no such interface" in self.world.status_text(),
                            "interface deleted: noonmarkctl says so")
                time.sleep(pause)
            self.world.join((SERVER_IF, SERVER_V4, SERVER_V6), (CLIENT_IF, CLIENT_V4, CLIENT_V6))
            self.back(f"interface deleted and made again {pause} s later")
            self.tap.ok(self.said("there is no such interface any more", mark) or
                        self.said("the interface was made anew", mark),
                        "interface made again: the log says so", self.world.server_tail())
            got = self.world.second()
            self.tap.ok("uses it" in got, "interface made again: it is locked again", got)

    def renamed(self):
        self.link("down")
        self.link("name", "away0")
        self.tap.ok(self.state("missing"), "renamed: status shows that it is missing", self.port())
        self.tap.equal(self.world.program("away0"), None, "renamed: no program is left behind")
        self.world.server.ip("link", "set", "dev", "away0", "name", SERVER_IF)
        self.link("up")
        self.world.server.ip("addr", "replace", f"{SERVER_V6}/64", "dev", SERVER_IF, "nodad")
        self.back("renamed away and back")

    def moved(self):
        """To another network namespace and back: index, address and program stay."""
        mark = self.mark()
        self.link("netns", self.world.empty.name)
        self.world.empty.ip("link", "set", "dev", SERVER_IF, "netns", self.world.server.name)
        self.world.server.ip("addr", "add", f"{SERVER_V4}/24", "dev", SERVER_IF)
        self.world.server.ip("addr", "add", f"{SERVER_V6}/64", "dev", SERVER_IF, "nodad")
        self.link("up")
        self.back("moved to another namespace and back")
        self.tap.ok(self.said("opened anew", mark), "moved: the log says so",
                    self.world.server_tail())

    def address(self):
        mark = self.mark()
        self.link("address", "02:00:00:00:12:34")
        self.tap.ok(wait_for(lambda: self.said("MAC address has changed", mark), BACK_S),
                    "MAC address changed: the log says so")
        # As with a socket, frames to the old address are nobody's.
        self.world.client.ip("neigh", "flush", "dev", CLIENT_IF)
        self.back("MAC address changed")

    def upper(self):
        """An interface on top whose MAC address is another one: the kernel gets its frames."""
        self.world.server.ip("link", "add", "link", SERVER_IF, "name", "upper0", "type", "macvlan")
        self.tap.ok(wait_for(lambda: self.said("an interface with another MAC address", 0), BACK_S),
                    "a macvlan stands on the interface: the log warns", self.world.server_tail())
        self.world.server.ip("link", "del", "dev", "upper0")
        self.tap.ok(wait_for(self.answers, BACK_S), "and requests to the interface itself are answered")

    def carrier(self):
        starts = self.world.status()["dataplane"]["starts"]
        self.world.client.ip("link", "set", "dev", CLIENT_IF, "down")
        self.tap.ok(wait_for(lambda: not self.port()["link_up"], BACK_S),
                    "carrier gone: status shows the link as down")
        self.world.client.ip("link", "set", "dev", CLIENT_IF, "up")
        self.back("carrier gone and back")
        self.tap.equal(self.world.status()["dataplane"]["starts"], starts,
                       "carrier gone and back: nothing was started again")
        self.world.client.ip("addr", "replace", f"{CLIENT_V6}/64", "dev", CLIENT_IF, "nodad")

    def many_addresses(self):
        """More than the map holds: on lo before the interface's next one."""
        world, mark = self.world, self.mark()
        n = HOLDS + 100
        lines = [f"addr add 10.77.{i >> 8}.{i & 255}/32 dev lo" for i in range(n)]
        world.server.run("ip", "-batch", "-", input="\n".join(lines))
        self.tap.ok(wait_for(lambda: self.port()["addresses_not_steered"] == n + 1 - HOLDS, 5),
                    "too many addresses: those without room are counted", self.port())
        added = "10.123.0.77"
        world.server.ip("addr", "add", f"{added}/24", "dev", SERVER_IF)
        self.tap.ok(wait_for(lambda: self.answers(added), BACK_S) and wait_for(self.answers, BACK_S),
                    "too many addresses: those of the served interface are answered")
        self.tap.ok(wait_for(lambda: self.port()["addresses_not_steered"] == n + 2 - HOLDS, 5),
                    "too many addresses: another one made room for it", self.port())
        self.tap.ok(wait_for(lambda: self.port()["addresses_served"] > HOLDS and len(self.port()["addresses"]) == 31, 5),
                    "too many addresses: those that are served are counted, and the first ones shown", self.port())
        self.tap.ok(self.said("are too many", mark), "too many addresses: the log says so")
        world.server.ip("addr", "del", f"{added}/24", "dev", SERVER_IF)
        world.server.ip("addr", "flush", "dev", "lo")
        self.tap.ok(wait_for(lambda: self.port()["addresses_not_steered"] == 0, 5),
                    "too many addresses: with fewer all are steered again", self.port())
        local = [SERVER_V4, SERVER_V6]
        self.tap.ok(wait_for(lambda: set(local) <= set(self.port()["addresses"]) and "10.77.0.1" not in self.port()["addresses"], 5),
                    "the addresses that are shown are those that the interface has", self.port()["addresses"])
        self.tap.ok(wait_for(lambda: not self.answers(added), BACK_S) and wait_for(self.answers, BACK_S),
                    "too many addresses: what is gone is answered no more")

    def crash(self):
        """The kernel detaches the program of a process that has died."""
        os.kill(self.world.children()["dataplane"], signal.SIGKILL)
        self.back("crashed")

    def other_port(self):
        """Of two ports one is missing: the other is served meanwhile."""
        self.world.server.ip("link", "del", SERVER_IF)
        self.tap.ok(self.state("missing") and self.port(1)["state"] == "open",
                    "one port of two missing: status says which", self.world.status()["ports"])
        self.tap.equal([(self.port(i)["kind"], self.port(i)["addresses"]) for i in (0, 2)],
                       [("interface", []), ("vdev", ["192.0.2.1"])], "and who is served where")
        self.tap.ok(wait_for(lambda: self.answers(OTHER[0][1]), BACK_S),
                    "one port of two missing: the other one answers")
        self.world.join((SERVER_IF, SERVER_V4, SERVER_V6), (CLIENT_IF, CLIENT_V4, CLIENT_V6))
        self.back("one port of two missing and made again")
        self.tap.ok(self.answers(OTHER[0][1]), "one port of two made again: both answer")


    def sockets(self):
        """The files of the control socket and of a memif port's."""
        world, mark = self.world, self.mark()
        control = world.children()["control"]
        world.control_socket.unlink()
        self.tap.ok(wait_for(world.status, BACK_S), "control socket removed: it is made anew")
        self.tap.ok(self.said("(control.socket) was removed", mark) and
                    world.children()["control"] != control,
                    "control socket removed: the log says so, and control has the new one")
        memif = world.memif_directory() / "m.sock"
        mark = self.mark()
        memif.unlink()
        self.tap.ok(wait_for(memif.exists, BACK_S), "memif socket removed: it is made anew",
                    world.server_tail())
        self.tap.ok(self.said("its socket was removed", mark),
                    "memif socket removed: the log says so")
        self.back("memif socket removed")


class InterfaceWorld(World):
    def ip_json(self, interface):
        got = self.server.run("ip", "-j", "-d", "link", "show", "dev", interface, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        return json.loads(got)[0] if got.strip() else {}

    def mac(self):
        return self.ip_json(SERVER_IF).get("address")

    def program(self, interface=SERVER_IF):
        return self.ip_json(interface).get("xdp", {}).get("prog", {}).get("id")

    def attach_foreign(self, made):
        got = self.server.run("ip", "link", "set", "dev", SERVER_IF, "xdp", "obj", made, "sec", "xdp",
                              check=False, stderr=subprocess.DEVNULL)
        return got.returncode == 0

    def make_foreign(self):
        made = self.home / "other.o"
        source = self.home / "other.c"
        source.write_text('int other(void *packet) __attribute__((section("xdp"), used));\n'
                          "int other(void *packet) { return 2; }\n")
        subprocess.run(["clang", "-O2", "-g", "-target", "bpf", "-c", source, "-o", made], check=True)
        return made

    def replace_program(self):
        """A foreign program in the place of the server's, which may be faster with its own again."""
        made = self.make_foreign()
        for _ in range(20):
            if wait_for(self.program, BACK_S):
                self.break_link()
            if self.attach_foreign(made):
                return True
        return False

    def break_link(self):
        """Takes the server's program off, as only CAP_SYS_ADMIN can."""
        program = self.program()
        got = subprocess.run(["bpftool", "--json", "link", "show"], check=True, stdout=subprocess.PIPE)
        link = next(x["id"] for x in json.loads(got.stdout) if x["type"] == "xdp" and x["prog_id"] == program)
        subprocess.run(["bpftool", "link", "detach", "id", str(link)], check=True)

    def second(self):
        """What another noonmarkd says."""
        got = self.server.run(BUILD / "noonmarkd", "-c", self.configuration, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        return got.stdout


with Tap() as tap, InterfaceWorld("interface") as world:
    world.empty = Namespace(f"{world.server.name}-empty")
    world.namespaces.append(world.empty)
    world.start()
    tests = Tests(tap, world)
    tests.taken_off()
    tests.replaced()
    tests.made_again()
    tests.renamed()
    tests.moved()
    tests.address()
    tests.upper()
    tests.carrier()
    tests.many_addresses()
    tap.equal(world.stop(), 0, "it ends as it should")
    tap.equal(world.program(), None, "and no program is left")

    world.start(prefix=WITHOUT_ADMIN)
    tap.ok("root lacks" not in world.noonmarkd.log.read_text(), "it starts without CAP_SYS_ADMIN")
    tests.crash()
    tests.taken_off("without CAP_SYS_ADMIN, program taken off")
    tests.replaced("without CAP_SYS_ADMIN, program replaced")
    tap.equal(world.stop(), 0, "without CAP_SYS_ADMIN it ends as it should")
    tap.equal(world.program(), None, "and no program is left")

    world.join(*OTHER)
    memif = f"net_memif0,role=server,socket={world.memif_directory()}/m.sock,socket-abstract=no," \
        "mac=02:00:00:00:00:01"
    world.configure(kernel_path=False,
                    ports=f"    - interface: {SERVER_IF}\n    - interface: {OTHER[0][0]}\n"
                          f"    - vdev: \"{memif}\"\n      addresses: [192.0.2.1]\n")
    world.start()
    tests.other_port()
    tests.sockets()
    tap.equal(world.stop(), 0, "it ends as it should")
    tap.equal([str(p) for p in world.runtime.rglob("*.sock")], [], "and no socket is left")
