"""Two server cores over memif, one device a core, against one.

There are two CPUs and each is shared: a polling thread and the ntsperf that loads it take turns on
the same one, so that one core with its tester has half of what two have. What is shown is not what
a core can do, but whether two disturb each other: the sum should be twice one, and a reply should
cost the same. The testers share nothing but the machine; the server's cores share the board, which
they only read.
"""

import contextlib
import pathlib

from contestants import SERVER_CPU, TESTER_CPU, OneCore, TwoCores
from measure import Failed, Load, cost, idle_turn_ns, patience, watch

RATE = 3_000_000  # more than a shared CPU can do: what is late is left out
HEAD_START_S = 15  # of the one whose clients have their keys first
AUTOGROUP = pathlib.Path("/proc/sys/kernel/sched_autogroup_enabled")


@contextlib.contextmanager
def threads_share_alike(say):
    """Linux deals CPU time to sessions first (autogroup), and to a session's threads what that has
    on each CPU: a tester alone in its session would keep a polling thread from its CPU for a second
    at a time, and rings hold what comes in milliseconds."""
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
