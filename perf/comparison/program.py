"""The common parts of the programs in perf/: arguments, progress lines, signals."""

import argparse
import signal
import sys
import time


def seconds(text):
    value = float(text)
    if not 0.3 <= value <= 600:
        raise argparse.ArgumentTypeError("a duration is 0.3 to 600 seconds")
    return value


def count(text):
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError("there are 1 to 100 rounds")
    return value


class Progress:
    """A line for each step, on stderr."""

    def __init__(self):
        self.start = time.monotonic()
        self.where = ""

    def __call__(self, text):
        print(f"[{time.monotonic() - self.start:4.0f} s] {self.where}{text}", file=sys.stderr,
              flush=True)


SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def stop_once():
    """From now on the first of these signals raises KeyboardInterrupt; while the program cleans up,
    no other disturbs it."""
    def stop(_number, _frame):
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, stop)
