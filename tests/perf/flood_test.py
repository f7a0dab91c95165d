"""perf/flood measures a server without and with a flood of key exchanges. No share is judged: that is
for a full run."""

import json
import os
import subprocess
import sys

import servers  # noqa: F401 (says where the harness is)
from harness import ROOT, Tap

if os.geteuid() != 0:
    print("1..0 # SKIP flood: needs root, for network namespaces and AF_XDP")
    sys.exit(0)
FLOOD = ROOT / "perf/flood"


def main():
    with Tap() as tap:
        got = subprocess.run([FLOOD, "--duration", "1", "--rounds", "2", "--rate", "300", "--json"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        if not tap.equal(got.returncode, 0, "flood: exit status 0"):
            tap.note(got.stderr)
            return
        rounds = json.loads(got.stdout)["rounds"]
        tap.equal(len(rounds), 2, "flood: as many rounds as were asked for")
        for share in ("quiet", "flood"):
            tap.ok(all(0 < one[share] < 1.01 for one in rounds),
                   f"flood: the polling thread has a share of its CPU ({share})", rounds)
        tap.ok(all(one["granted_per_s"] > 0 for one in rounds),
               "flood: sessions were granted meanwhile", rounds)
        got = subprocess.run([FLOOD, "--duration", "never"], stderr=subprocess.PIPE, text=True)
        tap.equal(got.returncode, 2, "flood: a wrong duration is a mistake of usage")


main()
