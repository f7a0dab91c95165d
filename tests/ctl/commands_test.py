#!/usr/bin/env python3
"""The table of noonmarkctl's commands: what --help, the manual and the advice for a wrong one make of it. Prints TAP."""

import os
import pathlib
import re
import subprocess
import sys

from points import report

CTL = pathlib.Path(os.environ["NOONMARK_BUILD"]) / "noonmarkctl"
MANUAL = pathlib.Path(__file__).parents[2] / "man" / "noonmarkctl.1"


def ctl(*words):
    return subprocess.run([CTL, "-s", "/nowhere/socket", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=30, check=False)


def commands():
    """{name: [words]} as --help lists them."""
    table = ctl("--help").stdout.split("\n\n")[2]
    rows = (re.match(r"  ([a-z]+)(?: \[([a-z|]+)\])?  *\S", line) for line in table.splitlines())
    return {row[1]: row[2].split("|") if row[2] else [] for row in rows}


def without(name, manual):
    """What the manual's synopsis and its list of commands lack of that command."""
    synopsis = manual.partition(".SH SYNOPSIS")[2].partition(".SH")[0]
    described = manual.partition(".SS Commands")[2].partition(".SH")[0]
    return [part for part, there in (("SYNOPSIS", re.search(rf"\b{name}\b", synopsis)),
                                     ("Commands", re.search(rf"^\.B[R]? \"?{name}\b", described, re.M))) if not there]


def main():
    table = commands()
    manual = MANUAL.read_text()
    lacks = {name: without(name, manual) for name in table}
    missing, near, far = ctl(), ctl("sttaus"), ctl("xylophone")
    plain = next(name for name, words in table.items() if not words)
    more, sure = ctl(plain, "more"), ctl(plain)
    results = [
        (len(table) >= 3 and {"status", "clock", "reload"} <= set(table), "--help lists the commands", table),
        (not any(lacks.values()), "the manual has each of them", lacks),
        (missing.returncode == 2 and all(name in missing.stderr for name in table),
         "without a command: exit 2, and all of them", missing),
        (near.returncode == 2 and "did you mean status?" in near.stderr, "a slip of the keys: exit 2, and the nearest", near),
        (far.returncode == 2 and "did you mean" not in far.stderr and all(name in far.stderr for name in table),
         "a word like none: exit 2, and all of them", far),
        (more.returncode == 2 and f"{plain} takes nothing more" in more.stderr, "a word too many: exit 2", more),
        (sure.returncode == 1 and "is noonmarkd running" in sure.stderr, "no server: exit 1, and what to look at", sure),
    ]
    for name, words in table.items():
        wrong = ctl(name, *(words[:1] or ["x"]), "y")
        results.append((wrong.returncode == 2 and not wrong.stdout, f"{name} with a word too many: exit 2", wrong))
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
