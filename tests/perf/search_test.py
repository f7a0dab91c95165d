"""ntsperf finds the rate that a server bears: chronyd behind a filter that lets 5000 requests a second
pass, and no more. Objectives are met or missed, and the exit status says so."""

from servers import PerfWorld
from tester import Tester

from harness import Tap, need_clients

need_clients("chrony")
LIMIT = 5000


def limit(world, *words):
    namespace = world.server
    namespace.run("nft", "flush", "ruleset")
    if words:
        namespace.run("nft", "add", "table", "inet", "t")
        namespace.run("nft", "add", "chain", "inet", "t", "c",
                      "{ type filter hook input priority 0; }")
        namespace.run("nft", "add", "rule", "inet", "t", "c", "udp", "dport", "123", *words)


def steps_of(a):
    return [s.get("rate", 0) for s in a["steps"]]


with Tap() as tap, PerfWorld("perf-search") as world:
    tester = Tester(world)
    world.serve_chronyd()
    limit(world, "limit", "rate", "over", f"{LIMIT}/second", "burst", "50", "packets", "drop")
    for command, more in (("ntp", ()), ("nts", ("--clients", 50))):
        a = tester.run(command, "--search", "--loss", "0.1%", "--timeout", "200ms", *more)
        tap.ok(a.code == 0 and abs(a["rate"] / LIMIT - 1) < 0.15,
               f"{command} --search --loss 0.1%: the knee is within 15 % of {LIMIT}/s", a.explain())
        rates = steps_of(a)
        tap.ok(len(rates) >= 4 and max(rates, default=0) > LIMIT,
               "its steps are shown, one of them beyond the knee", a.explain())
    a = tester.run("ntp", "--search", "--loss", "0.1%", "--timeout", "200ms", json_out=False)
    tap.ok(a.code == 0 and len(a.stdout.splitlines()) >= 5, "and in the summary for people too",
           a.explain())

    a = tester.run("ntp", "--rate", 8000, "--duration", "1s", "--timeout", "200ms", "--loss", "0.1%")
    tap.ok(a.code == 1 and a["lost"] > 2000 and 0.3 < a["loss"] < 0.45,
           "8000/s with 0.1 % allowed: missed, exit 1", a.explain())
    a = tester.run("ntp", "--rate", 8000, "--duration", "1s", "--timeout", "200ms", "--loss", "60%")
    tap.ok(a.code == 0 and a["lost"] > 2000, "with 60 % allowed: met, exit 0", a.explain())
    a = tester.run("ntp", "--rate", 3000, "--duration", "1s", "--timeout", "200ms", "--loss", "0.1%")
    tap.ok(a.code == 0 and a["lost"] <= 3, "3000/s with 0.1 % allowed: met, exit 0", a.explain())
    a = tester.run("ntp", "--rate", 1000, "--duration", "1s", "--p99", "1us")
    tap.ok(a.code == 1 and not a["lost"], "--p99 1us: missed, exit 1", a.explain())
    a = tester.run("ntp", "--rate", 1000, "--duration", "1s", "--p99", "500ms")
    tap.ok(a.code == 0 and a["answered"] == a["sent"] == 1000, "--p99 500ms: met, exit 0", a.explain())

    a = tester.run("ntp", "--step", "1000:8000:x2", "--duration", "500ms", "--timeout", "200ms")
    rates = steps_of(a)
    losses = [s.get("loss", 0) for s in a["steps"]]
    tap.ok(len(rates) == 4 and all(abs(r / w - 1) < 0.05 for r, w in
                                   zip(rates, (1000, 2000, 4000, 8000))),
           "--step 1000:8000:x2: 1000, 2000, 4000, 8000", a.explain())
    tap.ok(losses[:3] == [0, 0, 0] and losses[3:] and losses[3] > 0.2,
           "and only the last of them loses", a.explain())
    limit(world)
