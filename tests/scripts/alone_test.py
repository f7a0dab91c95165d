"""scripts/common.sh lets one check at a time test programs."""

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TWO = """\
. scripts/common.sh
alone "$1/lock"
(alone "$1/lock")
echo "refused: $?"
sed "s/process $$ /this process /" "$1/lock"
"""

with tempfile.TemporaryDirectory() as folder:
    runs = [subprocess.run(["bash", "-u", "-o", "pipefail", "-c", TWO, "check", folder], cwd=ROOT, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=100).stdout for _ in range(2)]
print("TAP version 13\n1..2")
failed = 0
for n, (got, text) in enumerate(zip(runs, ("a second check is refused while the first runs", "and no longer")), 1):
    right = got.startswith("check: another check tests programs on this machine: process ") and \
        got.endswith(f"refused: 1\nthis process in {ROOT}\n")
    failed += not right
    print(f"{'ok' if right else 'not ok'} {n} - {text}")
    for line in () if right else got.splitlines():
        print(f"# {line}")
sys.exit(failed > 0)
