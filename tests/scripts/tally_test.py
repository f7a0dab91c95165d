"""scripts/tally.py counts what it is shown, and nothing that ends badly passes unseen."""

import json
import pathlib
import subprocess
import sys
import tempfile

TALLY = pathlib.Path(__file__).resolve().parents[2] / "scripts/tally.py"

# What a program prints, its exit status, and (passed, failed, skipped).
TAP = [
    ("1..2\nok 1 - a\nok 2 - b\n", 0, (2, 0, 0)),
    ("ok 1 - a\nnot ok 2 - b\n# why\n1..2\n", 1, (1, 1, 0)),
    ("1..0 # SKIP needs root\n", 0, (0, 0, 1)),
    ("1..2\nok 1 - a\nok 2 - b # SKIP no IPv6\n", 0, (1, 0, 1)),
    ("1..3\nok 1 - a\n", 0, (1, 1, 0)),             # stopped in the middle
    ("1..1\nok 1 - a\n", 134, (1, 1, 0)),           # died behind its last test
    ("ok 1 - a\n", 0, (1, 1, 0)),                   # no plan
    ("", 0, (0, 1, 0)),                             # nothing at all
    ("Traceback: no\n", 1, (0, 1, 0)),
]
MESON = [
    ({"name": "a", "result": "OK", "stdout": "1..1\nok 1 - a\n"}, (1, 0, 0)),
    ({"name": "a", "result": "TIMEOUT", "stdout": "1..2\nok 1 - a\n"}, (1, 1, 0)),
    ({"name": "a", "result": "ERROR", "stdout": "1..1\nok 1 - a\n"}, (1, 1, 0)),
    ({"name": "a", "result": "FAIL", "stdout": "1..1\nnot ok 1 - a\n"}, (0, 1, 0)),
    ({"name": "a", "result": "FAIL", "returncode": 0,
      "stdout": "1..2\n# no BPF\nnot ok 1 # SKIP a\nok 2 - b\n"}, (1, 0, 1)),  # cmocka's skip()
    ({"name": "a", "result": "FAIL", "returncode": 1,
      "stdout": "1..2\nnot ok 1 # SKIP a\nok 2 - b\n"}, (1, 1, 1)),
    ({"name": "a", "result": "FAIL", "stderr": "no TAP"}, (0, 1, 0)),
    ({"name": "a", "result": "OK"}, (1, 0, 0)),
    ({"name": "a", "result": "EXPECTEDFAIL"}, (1, 0, 0)),
    ({"name": "a", "result": "UNEXPECTEDPASS"}, (0, 1, 0)),
    ({"name": "a", "result": "SKIP", "stdout": "1..0 # SKIP no\n"}, (0, 0, 1)),
]

# A skipped test, and the line that names it and the reason: cmocka's two forms, and others.
SKIPPED = [
    ("1..1\n# no BPF\nnot ok 1 # SKIP b\n", "skipped: a: b: no BPF"),
    ("1..1\n# no BPF\nok 1 # SKIP b\n", "skipped: a: b: no BPF"),  # since Debian 13
    ("1..1\nok 1 - b # SKIP no BPF\n", "skipped: a: b: no BPF"),
    ("1..0 # SKIP no BPF\n", "skipped: a: no BPF"),
]


def count(kind, status, given, folder):
    totals = folder / "totals"
    totals.unlink(missing_ok=True)
    arguments = [sys.executable, TALLY, kind, "planted", str(status), "0", totals]
    if kind == "meson":
        log = folder / "log.json"
        log.write_text(json.dumps(given) + "\n")
        arguments.append(log)
    said = subprocess.run(arguments, input=given if kind == "tap" else "", text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return tuple(map(int, totals.read_text().split()[1:])), said


number, bad = 0, 0
with tempfile.TemporaryDirectory() as name:
    for kind, status, given, wanted in \
            [("tap", status, text, wanted) for text, status, wanted in TAP] + \
            [("meson", int(entry["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")), entry, wanted)
             for entry, wanted in MESON]:
        got, _ = count(kind, status, given, pathlib.Path(name))
        number += 1
        bad += got != wanted
        print(f"{'ok' if got == wanted else 'not ok'} {number} - {kind}: {given!r}".replace("#", "%"))
        if got != wanted:
            print(f"# got {got}, wanted {wanted}")
    for text, wanted in SKIPPED:
        _, said = count("meson", 0, {"name": "a", "result": "OK", "stdout": text}, pathlib.Path(name))
        number += 1
        good = wanted in said.split("\n")[0]
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - the reason is named: {text!r}".replace("#", "%"))
        if not good:
            print(f"# got {said!r}, wanted {wanted!r}")
print(f"1..{number}")
sys.exit(bad > 0)
