"""The measurements of one server: single packets, the highest rate, the cost, key exchanges.

Every load is bounded: by ntsperf's own duration, and by a time after which it is ended.
"""

import json
import pathlib
import signal
import subprocess
import sys
import time

import cpu
from contestants import SERVER_CPU, TESTER_CPU
from harness import BUILD, KE_PORT, SERVER_V4, wait_for

# The permitted loss of a held rate; ntsperf's default for a search.
LOSS = 0.001
LOW_RATE = 1000
KE_RATES = (100, 1000)
SAME_RATE_S = 1.5  # at least
GNUTLS_LOAD = pathlib.Path(__file__).with_name("gnutls_load.py")


class Failed(Exception):
    """A measurement failed; the text is the reason."""


class Load:
    """An ntsperf in the client's namespace, all of it on the tester's CPU."""

    def __init__(self, contestant, command, *options, core=TESTER_CPU, path=None, file=None):
        self.file = file or contestant.world.home / f"{command}.json"
        self.file.unlink(missing_ok=True)
        if command != "ke":
            options = (*(path or contestant.path()), "--clients", contestant.clients, *options)
        words = contestant.world.client.command(
            "taskset", "-c", core, BUILD / "ntsperf", command, *options, "--core", core, "--ca",
            contestant.world.certificate, f"--json={self.file}", "--quiet", SERVER_V4)
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.interrupt()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stderr.close()

    def interrupt(self):
        """Stops it at once; it writes its result so far and removes its XDP program."""
        self.process.send_signal(signal.SIGINT)

    def running(self):
        return self.process.poll() is None

    def result(self, timeout):
        try:
            errors = self.process.communicate(timeout=timeout)[1].strip()
        except subprocess.TimeoutExpired:
            raise Failed(f"ntsperf did not end within {timeout:.0f} s") from None
        if self.process.returncode < 0 or not self.file.exists():
            raise Failed(errors.splitlines()[-1] if errors else
                         f"ntsperf ended with {self.process.returncode} and no result")
        return json.loads(self.file.read_text())


def patience(contestant, seconds, trials=1):
    """How long a load of so many trials may take: it makes the clients' keys first, waits for late
    replies after each trial, and is kept from its CPU now and then."""
    return 20 + contestant.clients / 50 + trials * (seconds + 2)


def one_at_a_time(contestant, seconds):
    """At a low rate each packet is alone: medians of the time between the reply's receive and
    transmit timestamps, which are the server's own, and of the whole way there and back."""
    contestant.wait_ready()
    with Load(contestant, "nts", "--rate", LOW_RATE, "--duration", f"{seconds}s") as load:
        got = load.result(patience(contestant, seconds))
    if not got["answered"]:
        raise Failed("no reply at a low rate")
    cores = contestant.cores()
    return {"server_ns": got["processing_ns"]["p50"], "round_trip_ns": got["latency_ns"]["p50"],
            "departure_ns": cores[0]["departure_ns"] if cores else None}


def most_answered(result):
    return max(step["answered_rate"] for step in result["steps"])


def saturate(contestant, seconds, verify):
    """The most replies that come at rates beyond what the server can do, however many are missing.
    A server with a short queue loses some far below that when its machine is noisy. Cookies are
    spent again, or clients who lost theirs would make sessions meanwhile."""
    contestant.wait_ready()
    with Load(contestant, "nts", "--step", contestant.stairs, "--reuse", "--duration",
              f"{seconds}s", "--timeout", "500ms", "--verify", verify) as load:
        got = load.result(patience(contestant, seconds, 4))
    return {"rate": most_answered(got)}


def search(contestant, first, seconds, verify, file):
    """The highest rate of which at most LOSS is missing, for `seconds` a trial."""
    contestant.wait_ready()
    with Load(contestant, "nts", "--search", "--loss", LOSS, "--rate", round(first), "--duration",
              f"{seconds}s", "--timeout", "500ms", "--verify", verify, file=file) as load:
        got = load.result(patience(contestant, seconds, 30))
    if not got["rate"]:
        raise Failed("none of the rates that a search tried was held")
    return {"rate": got["rate"], "most": most_answered(got), "limit": got["tester"]["why"]}


def idle_turn_ns(contestant, seconds=0.5):
    """The time of a turn of the polling loop without packets; None for a server that sleeps."""
    if not contestant.cores():
        return None
    before = sample(contestant)
    time.sleep(seconds)
    used = cpu.Used(before, sample(contestant))
    return used.polling / max(1, used.counters["turns"])


def sample(contestant):
    return cpu.Sample(contestant.pids(), SERVER_CPU, TESTER_CPU, contestant.counters)


def watch(contestant, loads, seconds):
    """The CPU time used in the middle of a load, without its beginning and end."""
    before = contestant.flows()

    def begun():
        ended = not all(load.running() for load in loads)
        return ended or all(now > was + 100 for was, now in zip(before, contestant.flows()))

    wait_for(begun, patience(contestant, 0), 0.1)
    time.sleep(0.15 * seconds)
    first = sample(contestant)
    time.sleep(0.6 * seconds)
    used = cpu.Used(first, sample(contestant))
    if not all(load.running() for load in loads) or used.counters["replies"] <= 0:
        raise Failed("a load ended before it was measured, or nothing was answered")
    return used


def cost(used, idle_ns):
    """Nanoseconds a reply.

    A polling thread is always busy, so two figures are given of it: the whole core, polling
    included, which is what a core that does nothing else costs; and its busy time, that without the
    turns that found nothing, which is what is comparable with a server that sleeps. The server's
    own counter, busy_cycles, begins after a burst has been received and goes on while the thread is
    off its CPU. So busy time is what the scheduler says less the empty turns, each as long as one
    on an idle server: a turn under load is longer, so this says too much rather than too little.
    """
    replies = used.counters["replies"]
    others = used.rest + used.softirq_beside
    busy = used.polling
    if used.pollers:
        # How many turns were empty is not counted. At least those beyond one a frame were.
        empty = max(0, used.counters["turns"] - used.counters["frames"])
        busy -= min(busy, empty * idle_ns)
    each = {
        "whole_core": used.polling + others,
        "busy": busy + others,
        "busy_counter": used.counters.get("busy_ns"),
        "softirq_server": used.softirq_server,
        "softirq_tester": used.softirq_tester,
        "total": busy + others + used.softirq_tester,
    }
    got = {name: None if ns is None else ns / replies for name, ns in each.items()}
    got["busy_share"] = busy / used.polling if used.polling else (used.rest / used.span)
    got["replies_per_s"] = replies / used.span * 1e9
    got["capacity"] = 1e9 / got["busy"] if got["busy"] > 0 else None
    return got


def at_work(contestant, rate, seconds, verify):
    """The cost of a reply when there is much to do, whatever is lost: what a server that is asked
    little spends on waking up is not to its disadvantage."""
    contestant.wait_ready()
    idle_ns = idle_turn_ns(contestant)
    with Load(contestant, "nts", "--rate", round(rate), "--reuse", "--duration", f"{seconds}s",
              "--timeout", "500ms", "--verify", verify) as load:
        used = watch(contestant, [load], seconds)
        got = load.result(patience(contestant, seconds))
    return {"rate": got["answered_rate"], "loss": got["loss"], "idle_turn_ns": idle_ns,
            "cost": cost(used, idle_ns)}


def hold(contestant, rate, seconds, verify, file):
    """Holds the rate for longer. The rate that a search found may be a little too high."""
    contestant.wait_ready()
    idle_ns = idle_turn_ns(contestant)
    for part in (1, 0.95, 0.9, 0.8):
        contestant.wait_ready()
        with Load(contestant, "nts", "--rate", round(rate * part), "--duration", f"{seconds}s",
                  "--loss", LOSS, "--verify", verify, file=file) as load:
            used = watch(contestant, [load], seconds)
            got = load.result(patience(contestant, seconds))
        held = got["answered"] >= 0.97 * round(rate * part) * seconds and \
            got["objective"]["met"]
        if held:
            break
    return {"rate": got["answered_rate"], "held": held, "loss": got["loss"],
            "share_verified": got["verified"] / max(1, got["answered"]), "wrong": got["wrong"],
            "p50_ns": got["latency_ns"]["p50"], "p99_ns": got["latency_ns"]["p99"],
            "headroom": got["headroom"], "limit": got["tester"]["why"],
            "cost": cost(used, idle_ns)}


def same_rate(contestant, rate, seconds, verify):
    """The CPU time that a reply takes at a rate that all servers hold, where each may sleep: all threads of the
    server, with their wake-ups, and the softirqs that run within them."""
    contestant.wait_ready()
    seconds = max(seconds, SAME_RATE_S)
    with Load(contestant, "nts", "--rate", rate, "--reuse", "--duration", f"{seconds}s",
              "--timeout", "500ms", "--verify", verify) as load:
        used = watch(contestant, [load], seconds)
        got = load.result(patience(contestant, seconds))
    return {"rate": got["answered_rate"], "loss": got["loss"], "round_trip_ns": got["latency_ns"]["p50"],
            "cost": cost(used, 0)}


def openssl_sessions(contestant, rate, seconds, file):
    """By ntsperf."""
    with Load(contestant, "ke", "--rate", rate, "--duration", f"{seconds}s", file=file) as load:
        return load.result(patience(contestant, seconds))["ke"]


def gnutls_sessions(contestant, rate, seconds, _file):
    got = subprocess.run([str(word) for word in contestant.world.client.command(
        "taskset", "-c", TESTER_CPU, sys.executable, GNUTLS_LOAD, SERVER_V4, KE_PORT, rate,
        seconds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if got.returncode:
        raise Failed(got.stderr.strip().rpartition("\n")[2] or "the client on GnuTLS failed")
    return json.loads(got.stdout)


def key_exchanges(contestant, load, rate, seconds, file):
    """What a session costs the server's CPU."""
    contestant.wait_ready()
    before = cpu.threads(contestant.ke_pids())
    got = load(contestant, rate, seconds, file)
    after = cpu.threads(contestant.ke_pids())
    used = sum(ns - before.get(key, 0) for key, ns in after.items())
    granted = got["granted"]
    if not granted or used <= 0:
        raise Failed("no key exchange was granted")
    return {"granted": granted, "failed": got["failed"], "median_ms": got.get("median_ms"),
            "cpu_us": used / granted / 1000, "per_cpu_second": granted / used * 1e9}


def shown(rate):
    return f"{rate / 1e6:.2f} M/s" if rate >= 1e6 else f"{rate / 1e3:.1f} k/s"


class Steps:
    """The measurements of one server in one round. One that fails leaves its reason, and the others
    go on."""

    def __init__(self, contestant, plan, directory, say):
        self.contestant, self.plan, self.say = contestant, plan, say
        self.file = {what: directory / f"{contestant.key}-{what}.json"
                     for what in ("ke", "search", "hold")}
        self.got = {}

    def step(self, name, what, *arguments, function=None):
        self.say(what)
        try:
            self.got[name] = (function or globals()[name])(self.contestant, *arguments)
        except Failed as failure:
            self.say(f"failed: {failure}")
            self.got[name] = {"error": str(failure)}

    def exchange_keys(self, name, file):
        for library, load in (("openssl", openssl_sessions), ("gnutls", gnutls_sessions)):
            for rate in KE_RATES:
                self.step(f"{name}_{library}_{rate}", f"{rate} key exchanges a second, {library}", load,
                          rate, self.plan["ke_s"], file if rate == KE_RATES[0] else None,
                          function=key_exchanges)

    def where_none_polls(self):
        """Key exchanges where no polling thread shares the CPU, because chronyd's helper has it alone in any case; and
        replies at the same rates. Last, because the server is started anew."""
        try:
            if self.contestant.sleep():
                self.exchange_keys("ke_alone", None)
            elif self.contestant.cores():
                return  # it cannot sleep
        except RuntimeError as failure:
            self.say(f"failed: {failure}")
            return
        if not self.contestant.cores():
            for name in [name for name in self.got if name.startswith("ke_")]:
                self.got[name.replace("ke_", "ke_alone_", 1)] = self.got[name]
        for rate in self.plan["same_rates"]:
            self.step(f"same_{rate}", f"{shown(rate)} where it may sleep", rate, self.plan["hold_s"],
                      self.plan["verify"], function=same_rate)

    def run(self):
        plan = self.plan
        self.step("one_at_a_time", "one packet at a time", plan["low_s"])
        self.exchange_keys("ke", self.file["ke"])
        self.step("saturate", "the most that it answers", plan["search_s"], plan["verify"])
        most = self.got["saturate"].get("rate", 0)
        self.step("search", f"{shown(most)} answered; the rate that it holds", max(1000, most / 2),
                  plan["search_s"], plan["verify"], self.file["search"])
        self.got["most"] = max(most, self.got["search"].get("most", 0)) or None
        self.step("at_work", "its cost", max(1000, 0.75 * (self.got["most"] or 0)),
                  plan["hold_s"], plan["verify"])
        found = self.got["search"].get("rate", most / 4)
        if found:
            self.step("hold", f"{shown(found)} held", found, plan["hold_s"], plan["verify"],
                      self.file["hold"])
        self.where_none_polls()
        return self.got
