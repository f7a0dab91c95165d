#!/usr/bin/env python3
"""Runs a test of whole programs, and runs it again if the machine may have spoilt it: when it failed, and
this machine was late meanwhile (harness.Pulse) or processes waited for a CPU. What fails on a machine that is on time fails at
once, and what fails each time fails. The failures of an earlier run are shown as comments.

    steady.py [--always] TEST [ARGUMENT...]

--always: again whether the machine was late or not, and twice. For tests of figures, as ntsperf's: they are
shares and percentiles of some seconds, which one moment without a CPU spoils."""

import re
import signal
import subprocess
import sys
import time

from harness import pulse, waited_s

# Of the time; a machine that has nothing else to do is late by less than 0.005, and some process waits for
# less than 0.05.
LATE, WAITED = 0.02, 0.1


class Run:
    """One run of the test: its status and output."""

    def __init__(self, command):
        begun, late, waited = time.monotonic(), pulse().late_s(), waited_s()
        self.text = ""
        with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, errors="replace") as child:
            signal.signal(signal.SIGTERM, lambda *_: child.terminate())  # meson's, when the time is up
            for line in child.stdout:
                self.text += line
        self.status = child.returncode
        took = time.monotonic() - begun
        self.late, self.waited = (pulse().late_s() - late) / took, (waited_s() - waited) / took

    def failures(self):
        """Each failed point and the comments behind it."""
        shown = False
        for line in self.text.splitlines():
            shown = line.startswith("not ok") or shown and line.startswith("#")
            if shown:
                yield "# earlier run: " + re.sub("^not ok", "failed", line)[:400]


def main():
    command = sys.argv[1:]
    always = command[:1] == ["--always"]
    runs = [Run(command[always:])]
    while runs[-1].status > 0 and len(runs) < (3 if always else 2) and \
            (always or runs[-1].late > LATE or runs[-1].waited > WAITED):
        runs.append(Run(command[always:]))
    text = runs[-1].text
    if len(runs) > 1:
        notes = [line for run in runs[:-1] for line in run.failures()]
        notes.append(f"# run {len(runs)} times; the machine was late by "
                     f"{', '.join(f'{run.late:.1%}' for run in runs)} of the time, and processes waited for "
                     f"{', '.join(f'{run.waited:.0%}' for run in runs)} of it")
        first, _, rest = text.partition("\n")
        text = "\n".join([first, *notes, rest])
    print(text, end="", flush=True)
    sys.exit(runs[-1].status if runs[-1].status >= 0 else 1)


main()
