"""ntsperf, run in a world's client namespace, and what it answers."""

import contextlib
import json
import math
import re
import signal
import subprocess
import time

from harness import BUILD, SERVER_V4

NTSPERF = BUILD / "ntsperf"

# What every run's JSON has at its top.
KEYS = ("manifest sent answered verified lost late nak kiss kiss_codes wrong wrong_kinds not_sent "
        "rate answered_rate loss latency_ns headroom tester").split()
LATENCY = "min mean p50 p90 p99 p99.9 p99.99 p99.999 max".split()


def brief(value):
    """A JSON value without what is zero or empty."""
    if isinstance(value, dict):
        kept = {k: brief(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in (0, "", None, [], {})}
    return [brief(v) for v in value] if isinstance(value, list) else value


class Answer:
    """One run's exit status, outputs and, where it printed one, its JSON object."""

    def __init__(self, command, code, stdout, stderr, seconds):
        self.command, self.code, self.seconds = command, code, seconds
        self.stdout, self.stderr = stdout, stderr
        self.json = {}
        with contextlib.suppress(ValueError):
            read = json.loads(stdout)
            self.json = read if isinstance(read, dict) else {}

    def __getitem__(self, name):
        """A missing number is no number: it equals nothing, and no comparison with it is true."""
        got = self.json.get(name)
        return got if got is not None else {"latency_ns": {}, "flows": [], "steps": [], "series": []}.get(
            name, math.nan)

    def wrong_kinds(self):
        """Those that have been seen."""
        return {k: n for k, n in (self.json.get("wrong_kinds") or {}).items() if n}

    def kiss_codes(self):
        return {k: n for k, n in (self.json.get("kiss_codes") or {}).items() if n}

    def counts(self):
        names = ("sent answered verified lost late nak kiss wrong not_sent").split()
        return {n: self[n] for n in names}

    def clean(self):
        """Whether every request was answered, and every reply right. What was never sent is no
        fault of anybody when others used the machine, and the tester says so."""
        kinds = {k for k, n in (self.json.get("not_sent_kinds") or {}).items() if n}
        return self.code == 0 and self["sent"] > 0 and self["sent"] == self["answered"] and \
            not any(self[n] for n in "lost late nak kiss wrong open".split()) and \
            not self.wrong_kinds() and \
            (not self["not_sent"] or self.limited() and kinds <= {"behind", "no_cookie"})

    def balanced(self):
        """Whether the counters add up: each request ends in exactly one way. A reply that is a
        duplicate or has a strange origin ends none, nor does one too short to have an origin."""
        kinds = self.wrong_kinds()
        endless = kinds.get("duplicate", 0) + kinds.get("origin", 0)
        over = sum(self[n] for n in "answered nak kiss wrong late lost open".split()) - \
            endless - self["sent"]
        return 0 <= over <= kinds.get("length", 0)

    def limited(self):
        """Whether the tester itself was kept from its work, on a machine that others use too."""
        return bool((self.json.get("tester") or {}).get("limit"))

    def nothing(self):
        """Whether no reply was counted, or no result printed at all."""
        return self.stdout == "" or self["answered"] == 0

    def explain(self):
        """All that is known, but for long lists and zeros."""
        shown = self.stdout[:6000]
        if self.json:
            shown = json.dumps(brief({k: v for k, v in self.json.items() if k not in
                                      ("manifest", "histogram_ns", "series")}))
        return f"$ {' '.join(self.command)}\nexit {self.code} after {self.seconds:.2f} s\n" \
            f"{shown}\n--- stderr\n{self.stderr[-2000:]}"


class Running:
    """A run in progress."""

    def __init__(self, command, **options):
        self.command = [str(c) for c in command]
        self.start = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        **options)

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def wait(self, timeout=60):
        try:
            stdout, stderr = self.process.communicate(timeout=timeout)
            code = self.process.returncode
        except subprocess.TimeoutExpired:
            self.process.kill()
            stdout, stderr = self.process.communicate()
            code = None  # it hung
        return Answer(self.command, code, stdout, stderr, time.monotonic() - self.start)


class Tester:
    def __init__(self, world):
        self.world = world
        self.answers = []

    def ledger(self, tap):
        """To be called at the end: each run's counters add up."""
        counted = [a for a in self.answers if a.json and "ke" not in a.json]
        odd = [a.explain() for a in counted if not a.balanced()]
        tap.ok(counted and not odd, f"in each of {len(counted)} runs every request ends in one way",
               "\n".join(odd[:3]))

    def start(self, command, *options, server=SERVER_V4, json_out=True, trust=True):
        words = [NTSPERF, command, "--sockets", *options]
        if json_out:
            words.append("--json")
        if trust and command != "ntp":
            words += ["--ca", self.world.certificate]
        if server is not None:
            words.append(server)
        return Running(self.world.client.command(*words))

    def run(self, command, *options, timeout=60, **where):
        answer = self.start(command, *options, **where).wait(timeout)
        self.answers.append(answer)
        return answer

    def plain(self, *words, timeout=20):
        """Exactly these words, in the client's namespace."""
        return Running(self.world.client.command(NTSPERF, *words)).wait(timeout)


def options_of(text):
    """The long options that a help text names."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))
