"""ntsperf finds the highest rate of a server: chronyd behind a filter that lets 5000 requests a second
pass, and no more. Objectives are met or missed, and the exit status says so."""

import csv
import io
import re

from servers import PerfWorld
from tester import Tester

from harness import Tap, need_clients

need_clients("chrony")
LIMIT = 5000
# A tester that is kept from its work for some milliseconds catches up in a burst.
BURST = 250


def limit(world, *words):
    namespace = world.server
    namespace.run("nft", "flush", "ruleset")
    if words:
        namespace.run("nft", "add", "table", "inet", "t")
        namespace.run("nft", "add", "chain", "inet", "t", "c",
                      "{ type filter hook input priority 0; }")
        namespace.run("nft", "add", "rule", "inet", "t", "c", "udp", "dport", "123", *words)


def near(a, b, part):
    return abs(a / b - 1) < part


def search(tap, tester):
    common = ("--search", "--loss", "0.1%", "--timeout", "200ms", "--rate", 2000, "--duration", "600ms")
    a = tester.run("ntp", *common)
    tap.ok(a.code == 0 and near(a["rate"], LIMIT, 0.15),
           f"ntp --search --loss 0.1%: the knee is within 15 % of {LIMIT}/s", a.explain())
    rates = [s["rate"] for s in a["steps"]]
    tap.ok(len(rates) >= 4 and max(rates, default=0) > LIMIT and rates[0] == 2000,
           "its steps are shown, one of them beyond the knee", a.explain())
    tap.ok(all(s["met"] for s in a["steps"] if s["loss"] == 0 and s["sent"] == s["answered"] and
               near(s["sent"], s["rate"], 0.02)) and a["steps"],
           "a step is met when each of its requests was sent and answered, however busy the "
           "machine", a.explain())
    goal, bounds = a["goal"], a["bounds"]
    tap.equal(goal, {"loss_ratio": 0.001, "initial_trial_duration": 0.6, "final_trial_duration": 0.6, "duration_sum": 1.2,
                     "exceed_ratio": 0.5, "width": 0.02}, "the result names its goal")
    tap.ok(bounds["relevant_lower"] == a["rate"] < bounds["relevant_upper"] <= a["rate"] * 1.0201 and
           a["rate"] * 0.999 <= bounds["conditional_throughput"] <= a["rate"],
           "and its bounds: the lower is the rate, and the upper 2 % above it", a.explain())
    a = tester.run("nts", *common, "--clients", 50, json_out=False)
    found = re.search(r"FOUND\s+(\d+)/s", a.stdout)
    tap.ok(a.code == 0 and found and near(int(found.group(1)), LIMIT, 0.15),
           "nts likewise, and the summary says what was found", a.explain())


def objectives(tap, tester):
    run = ("--duration", "1s", "--timeout", "200ms")
    a = tester.run("ntp", "--rate", 8000, *run, "--loss", "0.1%")
    tap.ok(a.code == 1 and a["lost"] > 1500 and 0.2 < a["loss"] < 0.45 and
           a.json["objective"]["loss"] == 0.001 and a.json["objective"]["met"] is False,
           "8000/s with 0.1 % allowed: missed, exit 1", a.explain())
    a = tester.run("ntp", "--rate", 8000, *run, "--loss", "60%")
    tap.ok(a.code == 0 and a["lost"] > 1500, "with 60 % allowed: met, exit 0", a.explain())
    a = tester.run("ntp", "--rate", 3000, *run, "--loss", "0.1%")
    tap.ok(a.code == 0 and a["lost"] <= 3, "3000/s with 0.1 % allowed: met, exit 0", a.explain())
    a = tester.run("ntp", "--rate", 1000, *run, "--p99", "1us")
    tap.ok(a.code == 1 and a["answered"] == a["sent"] and a["sent"] + a["not_sent"] == 1000,
           "--p99 1us: missed, exit 1", a.explain())
    a = tester.run("ntp", "--rate", 1000, *run, "--p99", "150ms")
    tap.ok(a.code == 0 and a["answered"] == a["sent"] == 1000, "--p99 150ms: met, exit 0",
           a.explain())


def steps(tap, tester):
    a = tester.run("ntp", "--step", "1000:8000:x2", "--duration", "1s", "--timeout", "200ms",
                   "--loss", "0.1%")
    rates = [s["rate"] for s in a["steps"]]
    losses = [s["loss"] for s in a["steps"]]
    tap.equal(rates, [1000, 2000, 4000, 8000], "--step 1000:8000:x2: 1000, 2000, 4000, 8000")
    tap.ok(losses[:3] == [0, 0, 0] and losses[3:] and losses[3] > 0.2 and
           all(abs(s["sent"] - s["rate"]) <= 1 for s in a["steps"]),
           "and only the last of them loses", a.explain())
    a = tester.run("ntp", "--step", "500:1500:+500", "--duration", "300ms", "--csv",
                   json_out=False)
    rows = list(csv.DictReader(io.StringIO(a.stdout)))
    tap.ok(a.code == 0 and [float(r["rate"]) for r in rows] == [500, 1000, 1500] and
           all(abs(int(r["answered"]) - n) <= 1 for r, n in zip(rows, (150, 300, 450))),
           "--step 500:1500:+500 --csv: a row a step", a.explain())
    a = tester.run("ntp", "--ramp", "500:1500", "--duration", "3s")
    rows = a["series"]
    tap.ok(a.code == 0 and near(a["sent"], 3000, 0.02) and a["answered"] == a["sent"] and
           len(rows) == 3 and rows[0]["sent"] < rows[1]["sent"] < rows[2]["sent"] and
           near(rows[0]["sent"], 667, 0.1) and near(rows[2]["sent"], 1333, 0.1),
           "--ramp 500:1500: more each second, 3000 in 3", a.explain())


with Tap() as tap, PerfWorld("perf-search") as world:
    tester = Tester(world)
    world.serve_chronyd()
    limit(world, "limit", "rate", "over", f"{LIMIT}/second", "burst", str(BURST), "packets", "drop")
    search(tap, tester)
    objectives(tap, tester)
    steps(tap, tester)
    limit(world)
    tester.ledger(tap)
