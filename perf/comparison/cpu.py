"""The CPU time of a load, by thread, from /proc.

A thread's time comes from the scheduler, in nanoseconds. The softirqs that ran while it was on the
CPU are part of that, unless the kernel has CONFIG_IRQ_TIME_ACCOUNTING. The softirq column of
/proc/stat shows them apart in either case. Without that option the tick samples it, so it needs
seconds to be exact to a few per cent.

Network softirqs run on the CPU that sends: over a veth, what the server's side does to receive a
request is softirq time of the tester's CPU, and what the tester's side does to receive the reply is
softirq time of the server's. So both columns are kept.
"""

import contextlib
import gzip
import os
import pathlib
import time

PROC = pathlib.Path("/proc")
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def softirqs_are_apart():
    """Whether a thread's time excludes the softirqs that interrupted it."""
    for path, opened in (("/proc/config.gz", gzip.open),
                         (f"/boot/config-{os.uname().release}", open)):
        with contextlib.suppress(OSError), opened(path, "rt") as file:
            return "\nCONFIG_IRQ_TIME_ACCOUNTING=y\n" in file.read()
    return False


def family(pid):
    """The process and all its living descendants."""
    found = [pid]
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in (PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def threads(pids):
    """{(name, tid): nanoseconds on a CPU} of all their threads."""
    found = {}
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in (PROC / str(pid) / "task").iterdir():
                ran = int((task / "schedstat").read_text().split()[0])
                found[(task / "comm").read_text().strip(), int(task.name)] = ran
    return found


def ran_and_waited(tids):
    """Nanoseconds that these threads were on a CPU, and that they waited for one."""
    fields = [(PROC / str(tid) / "schedstat").read_text().split() for tid in tids]
    return sum(int(f[0]) for f in fields), sum(int(f[1]) for f in fields)


def ksoftirqd(cpu):
    """The kernel's thread that runs softirqs when there are many."""
    for process in PROC.iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and (process / "comm").read_text() == f"ksoftirqd/{cpu}\n":
                return int(process.name)
    return None


def softirq_ns(cpu):
    for line in (PROC / "stat").read_text().splitlines():
        words = line.split()
        if words[0] == f"cpu{cpu}":
            return (int(words[6]) + int(words[7])) * TICK_NS  # irq and softirq
    return 0


class Sample:
    """The CPU time used so far. counters: the server's own counters, or {}."""

    def __init__(self, pids, server_cpu, tester_cpu, counters):
        kernel = ksoftirqd(server_cpu)
        self.at = time.monotonic()
        self.threads = threads(pids)
        self.ksoftirqd = sum(threads([kernel] if kernel else []).values())
        self.softirq_server = softirq_ns(server_cpu)
        self.softirq_tester = softirq_ns(tester_cpu)
        self.counters = counters()


class Used:
    """The difference of two samples; all in nanoseconds except `counters`."""

    def __init__(self, before, after):
        self.span = (after.at - before.at) * 1e9
        self.ksoftirqd = after.ksoftirqd - before.ksoftirqd
        self.softirq_server = after.softirq_server - before.softirq_server
        self.softirq_tester = after.softirq_tester - before.softirq_tester
        # Softirq time of the server's CPU that is not part of its threads' times.
        self.softirq_beside = self.softirq_server if softirqs_are_apart() else self.ksoftirqd
        ran = {key: ns - before.threads.get(key, 0) for key, ns in after.threads.items()}
        # dataplane/loop.c names its polling threads "core N".
        self.pollers = {key: ns for key, ns in ran.items() if key[0].startswith("core ")}
        self.polling = sum(self.pollers.values())
        self.rest = sum(ran.values()) - self.polling
        self.counters = {name: n - before.counters.get(name, 0)
                         for name, n in after.counters.items()}
