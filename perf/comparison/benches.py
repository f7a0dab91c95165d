"""The benches of build/perf/bench as tables, if they have been built: what their --json prints."""

import json
import subprocess

from harness import BUILD

BENCHES = ("bench_exchange", "bench_core")
TIMEOUT = 600


def run(name, rounds, say):
    """The bench's object; None, with a word to `say`, when there is none."""
    program = BUILD / "perf/bench" / name
    if not program.exists():
        say(f"{name} is not built: left out")
        return None
    say(name)
    try:
        got = subprocess.run([program, "--json", "--rounds", str(rounds)], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
        return json.loads(got.stdout)
    except (subprocess.TimeoutExpired, ValueError) as fault:
        say(f"{name} gave no result: {fault}")
        return None


def row(result):
    cycles, floor = result["cycles"], result.get("floor_cycles")
    per_second = result.get("per_second")
    return [result.get("variant", ""), result.get("case", ""), result.get("cookies", ""),
            result.get("batch", ""), f"{cycles['min']:.0f}", f"{cycles['median']:.0f}",
            f"{cycles['max']:.0f}", f"{floor:.0f}" if floor else "",
            f"{cycles['min'] / floor:.2f}" if floor else "",
            f"{per_second / 1e6:.2f} M" if per_second else ""]


def table(got):
    head = ["variant", "case", "cookies", "batch", "cycles, min", "median", "max", "floor",
            "min / floor", "a second"]
    return head, [row(result) for result in got["results"]]


def stage_table(got):
    """Of a bench that tells stages apart, their cycles."""
    told = [result for result in got["results"] if result.get("stages")]
    if not told:
        return None
    names = list(told[0]["stages"])
    return ["variant", "case", *names], \
        [[result.get("variant", ""), result.get("case", ""),
          *(f"{result['stages'].get(name, 0):.0f}" for name in names)] for result in told]
