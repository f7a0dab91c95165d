"""A world with other people's servers: chronyd and ntpsec's ntpd serve NTP and NTS in the server's
namespace, where noonmarkd does in other tests. Neither touches a clock, neither limits rates.

    with PerfWorld("perf-nts") as world:
        server = world.serve_chronyd()
        before = server.statistics()
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))

from harness import CLIENTS, KE_PORT, NTP_PORT, SERVER_V4, Program, World, wait_for  # noqa: E402

LIAR_PORT = 10123


class ChronydServer(Program):
    """chronyd 4.3 as a server of NTP and NTS, stratum 1 by decree. extra: lines of its
    configuration. local: (): it is not synchronised."""

    AUTHENTICATED = "Authenticated NTP packets"

    def __init__(self, world, name="chronyd-server", extra=(), ntp_port=123, local=("local stratum 1",)):
        self.world = world
        self.home = world.directory(name)
        # Its cookie keys are kept here, so that a restart does not forget them.
        self.dump = self.home / "nts"
        self.dump.mkdir(mode=0o700, exist_ok=True)
        # chronyd wants the socket's directory for itself alone.
        self.socket = world.runtime / name / "sock"
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        configuration = self.home / "chrony.conf"
        configuration.write_text("\n".join([
            "user root",
            *local,
            "allow 0.0.0.0/0", "allow ::/0",
            f"port {ntp_port}",
            f"ntsport {KE_PORT}",
            f"ntsservercert {world.certificate}",
            f"ntsserverkey {world.key}",
            f"ntsdumpdir {self.dump}",
            "maxntsconnections 1000",
            f"pidfile {self.home}/chronyd.pid",
            f"bindcmdaddress {self.socket}",
            "cmdport 0",
            *extra]) + "\n")
        super().__init__(name, world.server.command(
            *world.no_clock, CLIENTS / "chrony/usr/sbin/chronyd", "-x", "-d", "-f",
            configuration), self.home / "log")

    def show(self, *command):
        return subprocess.run([CLIENTS / "chrony/usr/bin/chronyc", "-h", self.socket, "-n",
                               *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True).stdout

    def statistics(self):
        """chronyc serverstats, {name: number}."""
        return {name.strip(): int(n) for name, n in
                re.findall(r"^([A-Za-z][A-Za-z -]*?)\s*:\s*(\d+)$", self.show("serverstats"), re.M)}

    def counted(self, before):
        """What has been counted since `before`, an answer of statistics()."""
        after = self.statistics()
        return {name: n - before.get(name, 0) for name, n in after.items()}


class NtpdServer(Program):
    """ntpsec's ntpd 1.2.2 as a server of NTP and NTS: an orphan of stratum 1. Its KE takes a second
    a connection, it refuses padding, it never sends a NAK."""

    def __init__(self, world, name="ntpd-server", extra=()):
        self.world = world
        self.home = world.directory(name)
        configuration = self.home / "ntp.conf"
        configuration.write_text("\n".join([
            "disable ntp",
            "logconfig =all",
            # By default each address may ask but rarely ("limited"), and is remembered.
            "restrict default", "unrestrict default limited", "disable monitor",
            "tos orphan 1 orphanwait 1",
            "nts enable",
            f"nts key {world.key}",
            f"nts cert {world.certificate}",
            f"nts cookie {self.home}/cookie-keys",
            *extra]) + "\n")
        super().__init__(name, world.server.command(
            *world.no_clock, CLIENTS / "ntpsec/usr/sbin/ntpd", "-n", "-c", configuration,
            "-p", self.home / "ntpd.pid"), self.home / "log")


class Report(dict):
    """What has not happened is not in it, and counts as nothing."""

    def __missing__(self, _name):
        return 0


class Script(Program):
    """A program of this directory in the server's namespace, which prints "ready" and leaves a
    report when it ends."""

    def __init__(self, world, name, script, *arguments):
        self.world = world
        self.home = world.directory(name)
        self.report = self.home / "report.json"
        # An older run's are not this one's.
        (self.home / "log").unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)
        super().__init__(name, world.server.command(
            sys.executable, pathlib.Path(__file__).parent / script, "--report", self.report,
            *arguments), self.home / "log", env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def ready(self):
        return "ready" in self.log.read_text()


class PerfWorld(World):
    """A world whose server may be another than noonmarkd."""

    def _serve(self, program, timeout):
        self.programs.append(program)
        ready = wait_for(lambda: not program.alive() or
                         (self.answers_as_server() and self.answers_ke()), timeout)
        if not ready or not program.alive():
            raise RuntimeError(f"{program.name} does not serve after {timeout} s\n{program.tail()}")
        return program

    def expired_certificate(self):
        """A certificate that was good for a second: OpenSSL 3.5 makes none that never was."""
        old, request, extensions = (self.home / name for name in ("old.pem", "old.csr", "old.ext"))
        extensions.write_text(f"subjectAltName=IP:{SERVER_V4}\n")
        for words in (["req", "-new", "-key", self.key, "-subj", "/CN=old", "-out", request],
                      ["x509", "-req", "-in", request, "-signkey", self.key, "-extfile", extensions, "-days", "0",
                       "-out", old]):
            subprocess.run(["openssl", *words], check=True, stderr=subprocess.DEVNULL)
        time.sleep(1.1)
        return old

    def answers_as_server(self, address=SERVER_V4):
        """Whether NTP is answered with a stratum: one that is not synchronised yet says 0."""
        reply = self.sntp(address, timeout=0.1)
        return reply is not None and 1 <= reply[1] <= 15

    def serve_chronyd(self, name="chronyd-server", timeout=20, **options):
        return self._serve(ChronydServer(self, name, **options), timeout)

    def serve_ntpd(self, name="ntpd-server", timeout=40, **options):
        return self._serve(NtpdServer(self, name, **options), timeout)

    def _script(self, program):
        self.programs.append(program)
        if not wait_for(lambda: program.ready() or not program.alive(), 10) or \
                not program.alive():
            raise RuntimeError(program.tail())
        return program

    def lie(self, lie, every=10):
        """A proxy on LIAR_PORT, in front of the server, that tells that lie (liar.py)."""
        return self._script(Script(self, "liar-" + lie.replace(":", "-"), "liar.py",
                                   "--port", LIAR_PORT, "--to", SERVER_V4, NTP_PORT,
                                   "--every", every, lie))

    def misdate(self, **lie):
        """A plain NTP server on LIAR_PORT that lies about the time (clock_liar.py)."""
        words = [f"--{name}={value}" for name, value in lie.items()]
        name = "clock-liar" + "".join(words).replace("--", "-").replace("=", "")
        return self._script(Script(self, name, "clock_liar.py", "--port", LIAR_PORT, *words))

    def cheat(self, ke="none", ntp="none", every=10, udp_port=NTP_PORT):
        """A server that watches and cheats (cheat.py)."""
        name = f"cheat-{ke}-{ntp}".replace(":", "-").replace("/", "-")
        return self._script(Script(self, name, "cheat.py", "--certificate", self.certificate,
                                   "--key", self.key, "--ke", ke, "--ntp", ntp,
                                   "--udp-port", udp_port, "--every", every))

    def counters(self):
        """noonmarkd's, once they stand still: they are of a moment ago."""
        seen = []

        def still():
            seen.append(self.status()["counters"])
            return len(seen) > 1 and all(seen[-1][k] == seen[-2][k] for k in seen[-1]
                                         if k.startswith(("frames_", "answered_", "dropped_")))

        wait_for(still, 10, 0.3)
        return seen[-1]

    def truth(self, script):
        """Ends a proxy or a cheat; what it reports."""
        self.end(script)
        return Report(json.loads(script.report.read_text()))

    def end(self, program, number=signal.SIGTERM):
        """Ends a program of this world before the world ends."""
        self.programs.remove(program)
        return program.stop(number)
