"""The servers that are compared, each alone on the last CPU, and how ntsperf on the first one
reaches them. To ntsperf they are alike: NTS-KE over a veth's TCP, then NTS requests.
"""

import contextlib
import os
import pathlib
import re
import subprocess

import cpu
from harness import BUILD, CLIENT_IF, CLIENTS, NTP_PORT, wait_for
from servers import PerfWorld

CPUS = sorted(os.sched_getaffinity(0))
TESTER_CPU, SERVER_CPU = CPUS[0], CPUS[-1]

# Ticks of the time stamp counter a second. Linux derives its delay loop from that counter, and
# prints twice the loop's millions of turns.
TSC_HZ = float(re.search(r"^bogomips\s*: ([\d.]+)", pathlib.Path("/proc/cpuinfo").read_text(),
                         re.M).group(1)) / 2 * 1e6

MEMIF_V4, MEMIF_MAC = "10.9.0.1", "02:00:00:00:00:01"


@contextlib.contextmanager
def on_cpus(cpus):
    """What is started while this lasts stays on these CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Contestant:
    """A server in a world of its own."""

    bench = "compare"  # which program's world this is
    confined_to = {SERVER_CPU}
    stairs = "40k:320k:x2"  # rates up to some that are too high
    clients = 512
    queues = 1  # of the veth

    def __init__(self):
        self.world = PerfWorld(f"{self.bench}-{self.key}")
        self.world.queues = self.queues

    def __enter__(self):
        self.world.__enter__()
        try:
            with on_cpus(self.confined_to):
                self.serve()
        except BaseException:
            self.world.close()
            raise
        return self

    def __exit__(self, *_):
        self.world.close()

    def sleep(self):
        """From now on no thread of it keeps the CPU busy while nothing is asked. False: it never had one
        that does, or has no such setting."""
        return False

    def path(self):
        """ntsperf's options. AF_XDP on the tester's side for both servers on a veth: the kernel's
        sockets would make the tester the limit long before the faster server is."""
        return ["--port", CLIENT_IF]

    def wait_ready(self):
        """Before each load."""

    def cores(self):
        """What each of noonmarkd's polling threads counts."""
        return []

    def flows(self):
        """Replies so far, of each core that has its own tester."""
        return [self.counters()["replies"]]


class Chronyd(Contestant):
    key, title = "chronyd", "chronyd on a veth"

    def serve(self):
        self.program = self.world.serve_chronyd()

    def pids(self):
        return cpu.family(self.program.pid)  # NTS-KE has a process of its own

    ke_pids = pids

    def counters(self):
        """The datagrams that left its namespace: to ask chronyd itself would take its time."""
        names, values = [line.split() for line in pathlib.Path(
            f"/proc/{self.program.pid}/net/snmp").read_text().splitlines()
            if line.startswith("Udp:")]
        return {"replies": int(values[names.index("OutDatagrams")])}


class Noonmarkd(Contestant):
    """Its NTS-KE process shares the core with the polling thread, so that all of it has one core
    as all of chronyd has."""

    cpus = [SERVER_CPU]
    can_sleep = True  # dataplane.idle: adaptive

    def configuration(self):
        return {}

    def sleep(self):
        if not self.can_sleep:
            return False
        self.world.stop()
        with on_cpus(self.confined_to):
            self.serve(idle="adaptive")
        return True

    def serve(self, **settings):
        self.world.configure(cores=self.cpus, **self.configuration(), **settings)
        # NTP over memif cannot be asked from here; the status says when all is ready.
        self.world.start(wait=False)
        self.wait_ready()

    def serving(self):
        """memif's driver may take the dataplane with it when a tester leaves: one that has just
        died still looks as if it served, but beats no more."""
        status = self.world.status()
        age = status["dataplane"]["heartbeat_age_ms"] if status else None
        return age is not None and age < 400 and status["dataplane"]["serving"] and \
            self.world.answers_ke()

    def wait_ready(self):
        if not wait_for(lambda: self.world.gave_up() or self.serving(), 20, 0.1) or \
                self.world.gave_up():
            raise RuntimeError(f"noonmarkd does not serve\n{self.world.server_tail()}")

    def pids(self):
        return cpu.family(self.world.noonmarkd.pid)

    def ke_pids(self):
        return [self.world.children()["ke"]]

    def cores(self):
        status = self.world.status()
        return status["cores"] if status else []

    def counters(self):
        sums = dict.fromkeys(("answered_nts", "frames_received", "busy_cycles", "turns"), 0)
        for core in self.cores():
            for name in sums:
                sums[name] += core[name]
        return {"replies": sums.pop("answered_nts"), "frames": sums["frames_received"],
                "turns": sums["turns"], "busy_ns": sums["busy_cycles"] / TSC_HZ * 1e9}


class Xdp(Noonmarkd):
    key, title = "xdp", "noonmarkd, AF_XDP on a veth"
    stairs = "400k:1600k:x2"
    clients = 1024


class Socket(Noonmarkd):
    """What a virtual machine or a container runs: beside chronyd, the same kernel and the same path."""

    key, title = "socket", "noonmarkd, a socket of the kernel on a veth"

    def configuration(self):
        return {"ports": f'    - socket: "0.0.0.0:{NTP_PORT}"\n'}


class Memif(Noonmarkd):
    key, title = "memif", "noonmarkd, memif"
    can_sleep = False  # a memif core polls
    stairs = "3M:6M:+1M"
    clients = 2048
    devices = 1
    # Rings of 2^14 frames: what comes while another thread has the server's CPU for some
    # milliseconds must have its place there.
    ring = 14

    def device(self, role, i=0):
        return f"net_memif{i if role == 'server' else 0},role={role}," \
            f"socket={self.world.memif_directory()}/{i},socket-abstract=no,rsize={self.ring}" \
            + (f",mac={MEMIF_MAC}" if role == "server" else "")

    def configuration(self):
        ports = "".join(f'    - vdev: "{self.device("server", i)}"\n'
                        f"      addresses: [{MEMIF_V4}]\n" for i in range(self.devices))
        return {"ports": ports, "ntp_server": MEMIF_V4}

    def path(self, i=0):
        return ["--port", self.device("client", i), "--source", f"10.9.0.{i + 2}", "--server-mac",
                MEMIF_MAC]


class TwoCores(Memif):
    """One memif device a core."""

    key, title = "cores", "noonmarkd, two cores"
    confined_to = set(CPUS)  # a polling thread pins itself, the others go where there is room
    cpus = [TESTER_CPU, SERVER_CPU]
    devices = 2

    def flows(self):
        return [core["answered_nts"] for core in self.cores()] or [0, 0]


class OneCore(Memif):
    """The half of TwoCores."""

    key, title = "core", "noonmarkd, one core"
    confined_to = set(CPUS)


def versions():
    """What was compared, for the machine's description."""
    def first_line(*command):
        got = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return got.stdout.partition("\n")[0].partition(" (+")[0]

    return {"noonmarkd": first_line(BUILD / "noonmarkd", "--version"),
            "chronyd": first_line(CLIENTS / "chrony/usr/sbin/chronyd", "--version")}
