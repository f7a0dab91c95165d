"""Compares two server cores over memif, with one device each, with one core.

There are two CPUs. Each polling thread shares its CPU with its ntsperf, so one core with its tester
has half of the CPU time of two. The test does not show the limit of a core, but whether two cores
disturb each other: two should give twice the rate of one, at the same cost per reply. The testers share nothing but the machine; the server's cores share the board, which
they only read.
"""

import contextlib
import pathlib

from contestants import SERVER_CPU, TESTER_CPU, OneCore, TwoCores
from measure import Failed, Load, cost, idle_turn_ns, patience, watch

RATE = 3_000_000  # more than a shared CPU can send: late requests are skipped
HEAD_START_S = 15  # for the tester that gets its clients' keys first
AUTOGROUP = pathlib.Path("/proc/sys/kernel/sched_autogroup_enabled")


@contextlib.contextmanager
def threads_share_alike(say):
    """Switches autogroup off. With autogroup, Linux divides CPU time among sessions first. A tester
    alone in its session could then keep a polling thread off its CPU for a second, but rings hold
    packets for only a few milliseconds."""
    try:
        before = AUTOGROUP.read_text()
        AUTOGROUP.write_text("0\n")
    except OSError as fault:
        say(f"{AUTOGROUP} stays as it is ({fault.strerror}): expect low rates")
        yield
        return
    try:
        yield
    finally:
        AUTOGROUP.write_text(before)


def load(contestant, cpus, seconds, directory):
    contestant.wait_ready()
    idle_ns = idle_turn_ns(contestant)
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(
            Load(contestant, "nts", "--rate", RATE, "--duration", f"{seconds + HEAD_START_S}s",
                 core=cpu, path=contestant.path(i), file=directory / f"{contestant.key}-{i}.json"))
            for i, cpu in enumerate(cpus)]
        used = watch(contestant, loads, seconds)
        for one in loads:
            one.interrupt()
        got = [one.result(patience(contestant, 0)) for one in loads]
    spent = cost(used, idle_ns)
    return {"rate": spent["replies_per_s"], "busy": spent["busy"],
            "wrong": sum(one["wrong"] for one in got), "loss": max(one["loss"] for one in got),
            "poller_share": [ns / used.span for ns in used.pollers.values()]}


def measure(plan, directory, say):
    """{"one": ..., "two": ...}"""
    got = {}
    for kind, name, cpus in ((OneCore, "one", [SERVER_CPU]),
                             (TwoCores, "two", [TESTER_CPU, SERVER_CPU])):
        say(f"{name} server {'core' if name == 'one' else 'cores'}, each with a tester on its CPU")
        try:
            with threads_share_alike(say), kind() as contestant:
                got[name] = load(contestant, cpus, plan["hold_s"], directory)
        except (Failed, RuntimeError) as failure:
            say(f"failed: {failure}")
            got[name] = {"error": str(failure)}
    return got
