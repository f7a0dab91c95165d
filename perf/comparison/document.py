"""RESULTS.md: a run replaces the sections between its markers and keeps the rest."""

import benches
import machine
import results
from measure import LOW_RATE

HEAD = """\
# Results

The results of `perf/compare`, `perf/truth` and the benches. These tools write the sections between markers; each section has its
command. Other tasks disturb a shared machine, so each figure is the median of several rounds, with the best round in
parentheses.
"""

COMPARED = """\
## Servers compared

Made by `{command}` in {rounds} round(s), each of which ran all servers in turn.
{machine}

{servers}

{ratios}

How to read them:

- All processes of a server run on one CPU, including noonmarkd's NTS-KE process. The tester, ntsperf, has the other CPU. Both servers on the
  veth get their requests over AF_XDP. The authenticator of every reply was verified, unless `--verify` was given.
- A rate is held if at most one request in a thousand got no valid time, over {hold_s} s. It is the server's limit only
  if the tester had idle time left.{not_held} {limits}
- *The most at any rate* is what came when far more was asked, whatever was lost. The cost of a reply is measured at three quarters
  of that, also whatever was lost, and with cookies that are spent again, so that no session is made meanwhile.
- noonmarkd polls, so its core is busy all the time. *Polling included* is what such a core costs. *Busy* leaves out the
  turns that found nothing, each taken to be as long as one of an idle server: a little too much remains. The
  server's own counter, `busy_cycles`, leaves out receiving and counts time off the CPU.
- Softirqs run on the CPU that sends. On a veth, what the server's side does to receive requests is softirq time of the tester's CPU
  (beside some of the tester's own), and the delivery of replies to the tester is softirq time of the server's CPU. The total counts
  both. The softirq columns come from the kernel's tick.
- In the key exchanges noonmarkd's NTS-KE process shares the core with its polling thread; chronyd's helper has it alone.
  So they are measured twice: once more with `dataplane.idle: adaptive`, where NTS-KE has the CPU alone on both sides. memif's core always polls.
  OpenSSL's client is ntsperf, GnuTLS's is `perf/comparison/gnutls_load.py`, which leaves Nagle's algorithm on.
  The CPU time is that of the processes that exchange keys, for each exchange that was granted.
- *All may sleep* is the same rate for each server, with `dataplane.idle: adaptive`: the CPU time of all its threads, with their
  wake-ups and the softirqs that run within them, whatever it is spent on. memif's core always polls.
- *One at a time* is {low_rate} requests a second: server time is between the receive and transmit timestamps of its replies.
"""

CORES = """\
## Two server cores

Made by `{command}`.

{cores}

Two memif devices, one for each core. The machine has two CPUs, so each polling thread shares its CPU with its ntsperf
and has half of it. The first row is one such pair on one CPU. The test shows how two cores add up, not the limit of one:
twice the rate at the same cost per reply means that no core waits for the other.
"""

BENCH = """\
## {name}

Made by `build/perf/bench/{name} --json --rounds {rounds}`.{machine}

{tables}
"""


def plain_machine(described):
    """A bench's own description of its machine, in one line."""
    if not isinstance(described, dict):
        return ""
    return " " + "; ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                           for name, value in described.items()
                           if not isinstance(value, (dict, list)))


def bench(name, got, rounds):
    tables = [benches.table(got), benches.stage_table(got)]
    return BENCH.format(name=name, rounds=rounds, machine=plain_machine(got.get("machine")),
                        tables="\n\n".join(results.table(*each) for each in tables if each))


def limits(summary):
    texts = [f"{results.TITLES[key]}: {'; '.join(got['limits'])}"
             for key, got in summary["servers"].items() if got["limits"]]
    return f"Limits of the tester: {'. '.join(texts)}." if texts else ""


def not_held(summary):
    texts = [f"{got['not_held']} of {results.TITLES[key]}"
             for key, got in summary["servers"].items() if got["not_held"]]
    return f" **Rounds without a held rate**, of which the last attempt is included: {', '.join(texts)}." \
        if texts else ""


def compared(report):
    summary = report["summary"]
    return COMPARED.format(
        command=report["command"],
        machine=machine.sentence(report["machine"]), servers=results.server_table(summary),
        ratios=results.ratio_table(summary) if summary["ratios"] else "",
        limits=limits(summary), not_held=not_held(summary), low_rate=LOW_RATE,
        **report["plan"])


def sections(report):
    """The sections of the parts that were measured."""
    summary = report["summary"]
    if summary["servers"]:
        yield "compare", compared(report)
    if summary["cores"]:
        yield "cores", CORES.format(command=report["command"], cores=results.core_table(summary))
    for name, got in report["benches"].items():
        if got:
            yield name, bench(name, got, report["plan"]["bench_rounds"])


def write(path, parts):
    """Replaces or adds sections; parts: (name, body) of each."""
    text = path.read_text() if path.exists() else HEAD
    for name, body in parts:
        text = results.replace_section(text, name, body)
    path.write_text(text)
