"""A local user without rights, and a second server started by mistake, cannot delay, stop or detach a
server. local_user.py makes the attempts, each of them while a client sends NTS requests and verifies every reply: none is lost. The server and that user share a /tmp of the test's own."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness import (BUILD, KE_PORT, SERVER_IF, SERVER_V4, Program, Stopwatch, Tap, World, wait_for)
from probe import Probe

RATE = 50
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
          "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"]
SCRIPT = pathlib.Path(__file__).with_name("local_user.py").read_text()
REFUSED = {"EPERM", "EACCES"}
OPEN_RUN = os.stat("/run").st_mode & 0o002  # some containers let all users write there
NAMES = [f"noonmark-xdp-{i}" for i in range(1, 9)] + ["noonmark", "noonmarkd", "dpdk", "/run/noonmark/control.sock"]


class Tests:
    def __init__(self, tap, world, place):
        self.tap, self.world, self.probe, self.place = tap, world, Probe(world), place
        # Keeps the mount namespace in which server and user have their /tmp.
        self.home = Program("home", world.server.command(
            "sh", "-c", "mount -t tmpfs -o mode=1777 none /tmp && exec sleep 1000"), world.home / "home.log")
        world.programs.append(self.home)
        wait_for(lambda: "sleep" in pathlib.Path(f"/proc/{self.home.pid}/cmdline").read_text(), 5)
        # With its root: the tests may run in a chroot.
        self.mounts = ["nsenter", f"--target={self.home.pid}", "--mount", "--root"]

    def start(self, **options):
        return self.world.start(prefix=self.mounts, **options)

    def user(self, what, *arguments):
        """Starts local_user.py."""
        command = self.world.server.command(*self.mounts, *NOBODY, "/usr/bin/python3", "-c", SCRIPT,
                                            what, *arguments)
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")

    def did(self, what, *arguments):
        """Runs it to its end."""
        out, _ = self.user(what, *arguments).communicate(timeout=60)
        return json.loads(out)

    @contextlib.contextmanager
    def doing(self, what, *arguments):
        """It holds what it has taken while this lasts."""
        user = self.user(what, *arguments)
        try:
            yield json.loads(user.stdout.readline())
        finally:
            user.communicate(timeout=30)

    def refused(self, got, text, allowed=()):
        """All but the allowed attempts were stopped for lack of rights."""
        wrong = {name: came for name, came in got.items()
                 if came not in REFUSED and not any(word in str(came) for word in ("Operation not permitted",))
                 and name not in allowed}
        self.tap.ok(got and not wrong, f"{text}: {len(got)} attempts", wrong or got)

    @contextlib.contextmanager
    def under_load(self, text, seconds=3):
        """No reply is lost or wrong while this lasts, for so many seconds at least, and the server is the
        same one."""
        before = (self.world.children(), self.program())
        load = self.probe.load("--clients", "2", "--rate", RATE, "--seconds", 120, "--linger", "5000")
        try:
            if not json.loads(load.stdout.readline()).get("ready"):
                raise RuntimeError("the load has no keys")
            watch = Stopwatch()
            yield
            time.sleep(max(0, seconds - watch.took()))
            load.terminate()
            report = json.loads(load.stdout.readline())
        finally:
            load.kill()
            load.communicate()
        self.tap.ok((report["lost"], report["nak"], report["wrong"]) == (0, 0, 0) and
                    report["verified"] == report["sent"] > RATE and
                    (self.world.children(), self.program()) == before,
                    f"{text}: the server goes on without loss ({report['sent']} requests)",
                    report)

    def program(self):
        got = self.world.server.run("ip", "-d", "-j", "link", "show", "dev", SERVER_IF, stdout=subprocess.PIPE)
        return json.loads(got.stdout)[0].get("xdp", {}).get("prog", {}).get("id")

    def second(self, configuration, *prefix):
        """A second noonmarkd as root: its status and log."""
        got = subprocess.run(self.world.server.command(*self.mounts, *prefix, BUILD / "noonmarkd", "-c",
                                                       configuration), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        return got.returncode, got.stdout

    def before_the_start(self):
        tap, world = self.tap, self.world
        got = self.did("tmp")
        tap.ok(got["/tmp/dpdk/noonmark"] == "done" and all(
            came in REFUSED | {"ENOENT"} for name, came in got.items()
            if name.startswith("/run/") and not (OPEN_RUN and name.count("/") == 2)), "a user takes DPDK's names in /tmp, none in /run", got)
        with self.doing("hold", *NAMES) as got:
            tap.ok(set(got.values()) == {"done"}, f"and {len(got)} abstract names, their queues full", got)
            watch = Stopwatch()
            self.start()
            tap.ok(watch.within(5), "a start in spite of that takes no longer", f"{watch}\n{world.server_tail()}")
            log = world.noonmarkd.log.read_text()
            tap.ok("warning: another process" not in log and "error:" not in log, "and has nothing to say", log)
            children = world.children()
            held = [os.readlink(f"/proc/{children['dataplane']}/fd/{n}")
                    for n in os.listdir(f"/proc/{children['dataplane']}/fd")]
            tap.ok(not [name for name in held if name.startswith("/tmp")], "no file in /tmp is used", held)
            names = pathlib.Path(f"/proc/{world.noonmarkd.pid}/net/unix").read_text()
            with self.under_load("names taken anew by others"), self.doing("hold", "noonmark-xdp-99"):
                pass
        tap.ok(not [line for line in names.splitlines() if "@noonmark" in line and not any(
            line.endswith("@" + name) for name in NAMES)], "the server has no abstract name", names)

    def attempts(self):
        world = self.world
        pids = [world.noonmarkd.pid, *world.children().values()]
        with self.under_load("processes attacked"):
            got = self.did("processes", *map(str, pids))
        self.refused(got, "signals, ptrace, memory, /proc, priorities")
        with self.under_load("the interface attacked"):
            got = self.did("network", SERVER_IF, str(self.program()))
        taken = {name: came for name, came in got.items() if name.startswith("bind SOCK_STREAM")}
        self.refused({name: came for name, came in got.items() if name not in taken},
                     "ip link, bpf(2), AF_XDP, addresses, UDP 123, also as root of a user namespace")
        self.tap.equal(set(taken.values()), {"EADDRINUSE"}, "TCP 4460 stays the server's")
        with self.under_load("files attacked"):
            got = self.did("files", str(world.runtime), str(world.control_socket))
        self.refused(got, "files, links, locks, the control socket",
                     allowed=[n for n, came in got.items() if came == "ENOENT" and "/memif:" in n or
                              OPEN_RUN and n.startswith("/run: ") and n != "/run: rename"])
        self.tap.ok(world.status() is not None, "and the control socket answers root")

    def idle(self):
        with self.under_load("200 idle connections from loopback"), self.doing("idle", "200") as got:
            answer = self.probe.ke(None, "--timeout", "30000")
            self.tap.ok(got["connected"] == 200 and answer["well_formed"] and len(answer["cookies"]) == 8,
                        "a client still gets its keys", (got, answer))

    def second_servers(self):
        tap, world = self.tap, self.world
        pid = world.noonmarkd.pid
        shutil.copy(BUILD / "noonmarkd", self.place / "noonmarkd")
        shutil.copy(world.configuration, self.place / "noonmark.yaml")
        with self.under_load("a second server of that user"):
            got = self.did("roles", str(self.place / "noonmarkd"), str(self.place / "noonmark.yaml"))
        tap.ok(got["noonmarkd"].startswith("1: ") and "must be started as root" in got["noonmarkd"],
               "it is told that it needs root", got)
        tap.ok(all(got[role].startswith("2: ") and "started by noonmarkd alone" in got[role]
                   for role in ("control", "ke", "dataplane")), "and cannot be one of its children", got)

        words = f"{SERVER_IF}: the noonmarkd that was started as process {pid} uses it; end that one"
        with self.under_load("a second server by mistake"):
            code, log = self.second(world.configuration)
            tap.ok(code == 1 and words in log, "it is refused and told by whom", log)
        text = world.configuration.read_text()
        for old, new in ((f":{KE_PORT}", ":4461"), ("control.sock", "other.sock"), ("keys/keys", "other-keys/keys"),
                         ("  ports:", "  udp_port: 124\n  ports:")):
            text = text.replace(old, new)
        other = world.home / "other.yaml"
        other.write_text(text)
        with self.under_load("one that has only the interface in common"):
            code, log = self.second(other)
            tap.ok(code == 1 and words in log and len([line for line in log.splitlines() if "error:" in line]) == 1,
                   "it is refused by the same line", log)
        # As in a container with the host's network and a /run of its own.
        with self.under_load("one that cannot see the lock"):
            code, log = self.second(other, "unshare", "--mount", "sh", "-c",
                                    'mount -t tmpfs -o mode=755 none /run/noonmark && exec "$@"', "sh")
            tap.ok(code == 1 and f"another XDP program (id {self.program()}) is attached to it" in log,
                   "the kernel keeps the first one's program", log)
        with self.under_load("a load tester on the interface"):
            got = world.server.run(*self.mounts, BUILD / "ntsperf", "ntp", "--port", SERVER_IF, "--duration", "1s",
                                   "10.123.0.2", check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            tap.ok(got.returncode != 0 and words in got.stdout, "it is refused by the same line", got.stdout)

    def killed(self):
        tap, world = self.tap, self.world
        with self.doing("hold", *NAMES):
            # The supervisor stops first, lest it starts a child anew, and dies last, lest a child ends in order.
            os.kill(world.noonmarkd.pid, signal.SIGSTOP)
            for pid in (*world.children().values(), world.noonmarkd.pid):
                os.kill(pid, signal.SIGKILL)
            world.noonmarkd.process.wait()
            world.programs.remove(world.noonmarkd)
            tap.ok(wait_for(lambda: self.program() is None, 2), "kill -9 of all takes the program off the interface")
            watch = Stopwatch()
            self.start()
            tap.ok(watch.within(5), "the next start serves at once", f"{watch}\n{world.server_tail()}")
        with self.under_load("after that", 2):
            pass

    def left_behind(self):
        """A dataplane that outlives its supervisor, because a signal has stopped it, still has the lock."""
        tap, world = self.tap, self.world
        supervisor, dataplane = world.noonmarkd.pid, world.children()["dataplane"]
        os.kill(dataplane, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        world.noonmarkd.process.wait()
        world.programs.remove(world.noonmarkd)
        program = self.program()
        code, log = self.second(world.configuration)
        tap.ok(code == 1 and f"the noonmarkd that was started as process {supervisor} uses it; end that one and its "
               "children" in log and self.program() == program, "a dataplane that was left behind is named", log)
        os.kill(dataplane, signal.SIGKILL)
        self.start(timeout=10)
        tap.ok(self.program() != program, "and once it is killed the next start serves")

    def port_of_ke(self):
        """TCP 4460 is for everybody to take while no server runs, unless the kernel is told otherwise."""
        tap, world = self.tap, self.world
        world.stop()
        with self.doing("port") as got:
            log = world.home / "noonmarkd.log"
            already = len(log.read_text())
            program = self.start(wait=False)
            code = wait_for(lambda: program.process.poll() is not None, 10) and program.process.returncode
            said = log.read_text()[already:]
            tap.ok(got["bind TCP 4460"] == "done" and code == 1 and "'ss -ltnp' shows which" in said,
                   "TCP 4460 taken before the start: the message says how to find by whom", (got, said))
            world.programs.remove(program)
        world.server.run("sysctl", "-q", "-w", f"net.ipv4.ip_unprivileged_port_start={KE_PORT + 1}")
        with self.doing("port") as got:
            tap.equal(got["bind TCP 4460"], "EACCES", "with ip_unprivileged_port_start above it nobody can")
            self.start()
            tap.ok(world.answers_ke(), "and the server starts")


def main():
    with Tap() as tap, World("local-user") as world, \
            tempfile.TemporaryDirectory(prefix="noonmark-user-", dir="/var/tmp") as place:
        os.chmod(place, 0o755)
        tests = Tests(tap, world, pathlib.Path(place))
        tests.before_the_start()
        tests.attempts()
        tests.idle()
        tests.second_servers()
        tests.killed()
        tests.left_behind()
        tests.port_of_ke()


main()
