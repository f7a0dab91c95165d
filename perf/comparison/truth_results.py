"""The summary of the rounds of perf/truth: medians, each round, and the section of RESULTS.md."""

import statistics

import machine
from exchanges import MARGIN_NS
from offsets import SERVERS, SITUATIONS
from results import table

# Median of the rounds, in microseconds.
TIMES = ("offset_p50", "offset_p99", "offset_max", "there_p50", "there_p1", "there_min", "back_p50",
         "back_p1", "back_min")
SHARES = ("share", "busy", "stopped")
RATES = ("sent_rate", "answered_rate")
# Sum of the rounds.
COUNTS = ("requests", "exchanges", "kernel_stamps", "uncontained", "early", "late")
EACH_ROUND = ("offset_p50", "offset_p99", "back_min")

SECTION = """\
## The truth of the timestamps

Made by `{command}` in {rounds} round(s) of {seconds:g} s, each of which ran all servers in turn.
{machine}

{medians}

{each}

How to read them:

- Server and client read the same clock, so the true offset is 0, and T1 <= T2 <= T3 <= T4 holds for a server with true
  timestamps. Times are in microseconds. The client is chronyd 4.3 with NTS and 64 requests a second; all exchanges in its log
  are included, also those that it would not use for its clock.
- *Share of core*: the share of the time in which the serving thread had its core or did not need it. A polling thread always needs it. The
  thread has the best nice value, and the scheduler's autogroup is off. *Core stopped at random times*: a
  thread of higher priority takes the core for 1 to 8 ms, once every 20 to 50 ms, {stopped} of the time.
- *Not contained*: the error of the offset is larger than half of the measured delay plus {margin:g} us. *T3 after T4*:
  the server says that a reply left more than {margin:g} us after it had arrived.
- T4-T3 comes from the packets, because chronyd logs the delay without its sign. T2-T1 follows from it and the offset that chronyd logged.
  T1 and T4 are timestamps of the client's kernel. In interleaved mode T3 comes with the next reply.
- *Sent* and *answered* are rates per second of another client: ntsperf over AF_XDP on the same veth, with NTS. Of the chronyd's requests
  {unanswered}
  had no reply in time, or a reply in the wrong mode.{two_cores}
"""


def measured(rounds):
    """{(server, situation): [figures of each round]}; a failed one is not in it."""
    found = {}
    for server in SERVERS:
        for situation in SITUATIONS:
            got = [each[server][situation] for each in rounds
                   if "exchanges" in each.get(server, {}).get(situation, {})]
            if got:
                found[server, situation] = got
    return found


def summarise(rounds):
    """{server: {situation: figures}}: medians of the rounds, counts of all."""
    summary = {}
    for (server, situation), got in measured(rounds).items():
        row = {name: statistics.median(one[name] for one in got)
               for name in TIMES + SHARES + RATES if name in got[0]}
        row.update({name: sum(one[name] for one in got) for name in COUNTS})
        row["cores"] = [sum(each) for each in zip(*(one["cores"] for one in got))]
        row["rounds"] = {name: [one[name] for one in got] for name in TIMES + SHARES}
        summary.setdefault(server, {})[situation] = row
    return summary


def micros(value):
    size = abs(value)
    return f"{value:.2f}" if size < 10 else f"{value:.1f}" if size < 100 else \
        f"{value:,.0f}".replace(",", " ")


def slashed(row, *names):
    return " / ".join(micros(row[name]) for name in names)


def rate(row, name):
    return f"{row[name]:,.0f}".replace(",", " ") if name in row else "-"


def rows_of(summary):
    for situation, text in SITUATIONS.items():
        for server, kind in SERVERS.items():
            row = summary.get(server, {}).get(situation)
            if row:
                yield f"{kind.title}, {text}", row


def median_table(summary):
    head = ["median of the rounds", "share of core", "abs offset p50", "p99", "max",
            "T2-T1 p50 / p1 / min", "T4-T3 p50 / p1 / min", "exchanges", "not contained",
            "T3 after T4", "sent", "answered"]
    return table(head, [
        [name, f"{row['share']:.0%}", *(micros(row[f"offset_{p}"]) for p in ("p50", "p99", "max")),
         slashed(row, "there_p50", "there_p1", "there_min"),
         slashed(row, "back_p50", "back_p1", "back_min"), row["exchanges"], row["uncontained"],
         row["late"], rate(row, "sent_rate"), rate(row, "answered_rate")]
        for name, row in rows_of(summary)])


def round_table(summary):
    head = ["each round", "share of core", "abs offset p50", "p99", "T4-T3 min"]
    return table(head, [
        [name, " / ".join(f"{share:.0%}" for share in row["rounds"]["share"]),
         *(" / ".join(map(micros, row["rounds"][which])) for which in EACH_ROUND)]
        for name, row in rows_of(summary)])


def unanswered(summary):
    texts = [f"{row['requests'] - row['exchanges']} of {row['requests']} ({name})"
             for name, row in rows_of(summary) if row["requests"] > row["exchanges"]]
    return "; ".join(texts) or "none"


def two_cores(summary):
    """How the requests of a client that changes its ports are spread."""
    return "".join(f"\n- {name}: its cores answered {' and '.join(map(str, row['cores']))} requests."
                   for name, row in rows_of(summary) if len(row["cores"]) > 1)


def section(report):
    summary = report["summary"]
    stopped = [row["stopped"] for _, row in rows_of(summary) if row["stopped"]]
    return SECTION.format(
        command=report["command"], rounds=report["plan"]["rounds"],
        seconds=report["plan"]["seconds"], machine=machine.sentence(report["machine"]),
        medians=median_table(summary), each=round_table(summary), margin=MARGIN_NS / 1000,
        stopped=f"{statistics.median(stopped):.0%}" if stopped else "none",
        unanswered=unanswered(summary), two_cores=two_cores(summary))
