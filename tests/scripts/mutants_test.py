"""tests/mutants/run plants nothing unless it is asked to."""

import pathlib
import subprocess
import sys

RUN = pathlib.Path(__file__).resolve().parents[1] / "mutants/run"

# Arguments, the exit status, and what it prints.
ASKED = [
    (["--help"], 0, "usage: "),
    (["-h"], 0, "usage: "),
    (["--list"], 0, "kernel-tag: "),
    (["--evry=60"], 2, "unrecognized arguments: --evry=60"),
    (["--every=0"], 2, "--every needs a number from 1 on"),
    (["no-such-mutant"], 2, "no such mutant: no-such-mutant"),
]

print(f"TAP version 13\n1..{len(ASKED)}")
failed = 0
for n, (arguments, status, text) in enumerate(ASKED, 1):
    got = subprocess.run([sys.executable, RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    right = got.returncode == status and text in got.stdout and "TAP version" not in got.stdout
    failed += not right
    print(f"{'ok' if right else 'not ok'} {n} - mutants/run {' '.join(arguments)}")
    if not right:
        print(f"# ended with {got.returncode}: {got.stdout[:300]!r}")
sys.exit(failed > 0)
