"""The benches print with --json what their readers rely on.

    bench_test.py PROGRAM...
"""

import json
import pathlib
import subprocess
import sys

STAGES = {"parse", "classify", "respond", "exchange", "kernel", "refuse", "turn_round", "port",
          "account", "rest"}
CASES = {"bench_core": {"plain", "stamped", "plain_on", "odd", "nts1", "nts8", "badtag", "unknownkey", "garbage",
                         "plain_lim", "nts1_lim"},
         "bench_exchange": {"nts1", "nts8"}}


def row_fault(name, row):
    """What is wrong with a row, or None."""
    keys = {"variant", "case", "cookies", "batch", "cycles", "floor_cycles", "per_second"}
    if not keys <= row.keys():
        return f"has no {keys - row.keys()}"
    cycles = row["cycles"]
    if not 0 < cycles["min"] <= cycles["median"] <= cycles["max"]:
        return f"cycles {cycles}"
    if row["case"] == "floor":
        return None
    if row["variant"] in ("aesni", "vaes256", "vaes512") and not row["floor_cycles"] > 0:
        return "no floor"
    if name == "bench_core":
        if row["stages"].keys() != STAGES:
            return f"stages {sorted(row['stages'])}"
        if row["stages"]["parse"] <= 0:  # others are not longer than a stopwatch is wrong, once
            return "a stage that takes no time"
        if (row["stages"]["kernel"] > 0) == (row["variant"] == "none"):
            return "the kernel runs where it should not, or the other way round"
    return None


def check(program):
    """Faults of a bench."""
    name = pathlib.Path(program).name
    got = subprocess.run([program, "--json", "--rounds", "1"], stdout=subprocess.PIPE, check=False)
    if got.returncode != 0:
        return [f"exit status {got.returncode}"]
    told = json.loads(got.stdout)
    faults = [f"the machine has no {key}" for key in ("cpu", "tsc_hz", "core_hz", "core_per_tsc")
              if key not in told["machine"]]
    if not CASES[name] <= {row["case"] for row in told["results"]}:
        faults.append("a case is missing")
    if name == "bench_core":
        faults += [f"{stage} takes no time in any row" for stage in sorted(STAGES - {"rest"})
                   if all(row.get("stages", {}).get(stage, 0) <= 0 for row in told["results"])]
    for row in told["results"]:
        fault = row_fault(name, row)
        if fault:
            faults.append(f"{row.get('variant')} {row.get('case')}: {fault}")
    return faults


def main():
    print(f"TAP version 13\n1..{len(sys.argv) - 1}")
    failed = False
    for n, program in enumerate(sys.argv[1:], 1):
        faults = check(program)
        failed |= bool(faults)
        print(f"{'not ok' if faults else 'ok'} {n} - {pathlib.Path(program).name}")
        for fault in faults:
            print(f"# {fault}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
