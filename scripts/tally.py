#!/usr/bin/env python3
"""Counts what a suite of ./check reported and shows the failed and the skipped tests, with the reason.

    tally.py tap NAME STATUS SECONDS TOTALS <LOG             a program that printed TAP
    tally.py meson NAME STATUS SECONDS TOTALS TESTLOG.json   a run of `meson test`

cmocka writes a skipped test as "not ok N # SKIP NAME", which meson counts as a failure, or since Debian 13 as
"ok N # SKIP NAME". Here both count as skipped, and the comment before it is the reason.

Appends "NAME PASSED FAILED SKIPPED" to TOTALS and prints the suite's line. Every TAP subtest
counts; a program that fails without a failed subtest counts as one more failure."""

import json
import re
import sys

POINT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*([^#]*)(?:#\s*(SKIP|TODO)\S*\s*(.*))?$", re.I)
LINES = 30  # lines of comments that are shown of a failure; the log of the suite has all
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$", re.I)


class Count:
    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0
        self.shown = []
        self.cmocka_skips = 0

    def show(self, text):
        self.shown += text.splitlines()

    def tap(self, source, text, status):
        """status: 0, or the exit status or meson's result."""
        before, planned, points, shown, comment = self.failed, None, 0, 0, ""
        for line in text.splitlines():
            point, plan = POINT.match(line), PLAN.match(line)
            if plan:
                planned = int(plan.group(1))
                if planned == 0:
                    self.skipped += 1
                    self.show(f"skipped: {source}: {plan.group(2) or 'no reason given'}")
            elif point:
                points += 1
                shown = 0
                what = f"{source}: {point.group(3).strip()}"
                if point.group(4) and point.group(4).upper() == "SKIP":
                    self.skipped += 1
                    if not point.group(3).strip():
                        what, reason = f"{source}: {point.group(5)}", comment
                    else:
                        reason = point.group(5)
                    self.show(f"skipped: {what}: {reason or 'no reason given'}")
                elif point.group(1):
                    self.failed += 1
                    shown = LINES
                    self.show(f"FAILED: {what}")
                else:
                    self.passed += 1
                comment = ""
            elif line.startswith("#"):
                comment = line[1:].strip()
                if shown or self.name == "rules":
                    shown = max(0, shown - 1)
                    self.show("    " + comment[:200])
        if self.failed == before and (status or planned is None or planned not in (0, points)):
            self.failed += 1
            self.show(f"FAILED: {source}: ended with {status or 0} after {points} of "
                      f"{'unknown' if planned is None else planned} tests; the end of its output:")
            self.show("\n".join("    " + line for line in text.splitlines()[-30:]))

    def meson(self, log):
        for line in open(log):
            test = json.loads(line)
            name, result, out = test["name"], test["result"], test.get("stdout") or ""
            if re.search(r"^(not )?ok\b|^1\.\.\d", out, re.M):
                only_skips = test.get("returncode") == 0 and result == "FAIL" and \
                    not re.search(r"^not ok\b(?!.*# SKIP)", out, re.M) and \
                    re.search(r"^not ok\b.*# SKIP", out, re.M)
                self.cmocka_skips += bool(only_skips)
                bad = result not in ("OK", "SKIP", "EXPECTEDFAIL") and not only_skips
                before = self.failed
                self.tap(name, out, result if bad else 0)
                if self.failed > before and test.get("stderr"):
                    self.show("\n".join("    " + l for l in test["stderr"].splitlines()[-40:]))
            elif result in ("OK", "EXPECTEDFAIL"):
                self.passed += 1
            elif result == "SKIP":
                self.skipped += 1
                self.show(f"skipped: {name}: {out.strip().splitlines()[-1] if out.strip() else 'no reason given'}")
            else:
                self.failed += 1
                self.show(f"FAILED: {name}: {result}")
                text = out + (test.get("stderr") or "")
                self.show("\n".join("    " + l for l in text.splitlines()[-40:]))


def main():
    kind, name, status, seconds, totals = sys.argv[1:6]
    count = Count(name)
    if kind == "tap":
        count.tap(name, sys.stdin.read(), int(status))
    else:
        try:
            count.meson(sys.argv[6])
        except FileNotFoundError:
            pass
        if int(status) and not count.failed and not count.cmocka_skips:
            count.failed += 1
            count.show(f"FAILED: {name}: meson test ended with {status}")
    for line in count.shown:
        print("  " + line)
    print(f"{name:8} {count.passed:6} passed {count.failed:4} failed {count.skipped:4} skipped "
          f"{seconds:>5} s", flush=True)
    with open(totals, "a") as out:
        out.write(f"{name} {count.passed} {count.failed} {count.skipped}\n")


if __name__ == "__main__":
    main()
