"""Each type of wrong reply is counted under its own name: chronyd behind a proxy that changes one
reply in eleven. The number of changed replies is known, so that the counts are exact."""

import sys

from servers import LIAR_PORT, PerfWorld
from tester import Tester

from harness import Tap, need_clients

need_clients("chrony")

# Not a divisor of what is sent: the last reply is no lie, nothing may come after it.
RATE, EVERY = 500, 11

# lie, what counts it, and how many times a lie counts there. Those in a tuple: any of them.
NTS_LIES = (
    ("flip:transmit", "tag"),
    ("flip:receive", "tag"),
    ("flip:refid", "tag"),
    ("flip:origin", "origin"),
    ("flip:identifier", "identifier"),
    ("flip:nonce", "tag"),
    ("flip:tag", "tag"),
    ("flip:ciphertext", "tag"),
    ("flip:authenticator-type", ("unauthenticated", "fields")),
    ("flip:mode", "header"),
    ("flip:version", "header"),
    ("zero:origin", "origin"),
    ("cut:4", ("length", "truncated", "fields")),
    ("keep:48", ("unauthenticated", "identifier")),
    ("keep:20", ("truncated", "length")),
    ("grow:4", "length"),
    ("field:28", "length"),
    ("junk:100", ("header", "origin", "fields")),
    ("repeat", "duplicate"),
    ("swap", "misdirected"),
    ("unsolicited", ("unsolicited", "origin")),
)
NTP_LIES = (
    ("flip:origin", "origin"),
    ("flip:mode", "header"),
    ("flip:version", "header"),
    ("stratum:16", "header"),
    ("zero:transmit", "time"),
    ("cut:4", ("truncated", "length")),
    ("keep:20", ("truncated", "length")),
    ("grow:4", "length"),
    ("field:28", "length"),
    ("repeat", "duplicate"),
    ("swap", "misdirected"),
)
HARMLESS = ("repeat", "unsolicited")  # the right reply comes as well


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)

    def run(self, command, lie, *options, every=EVERY):
        liar = self.world.lie(lie, every=every)
        answer = self.tester.run(command, "--udp-port", LIAR_PORT, "--rate", RATE, "--duration",
                                 "600ms", "--clients", 30, "--timeout", "200ms", *options)
        return answer, self.world.truth(liar)

    def spoiled(self, command, lie, kinds):
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        a, truth = self.run(command, lie)
        lies, seen = truth["lies"], a.wrong_kinds()
        detail = f"{truth}\n{a.explain()}"
        good = truth["requests"] == a["sent"] and lies > 20 and a.code == 1 and \
            set(seen) <= set(kinds) and sum(seen.values()) == lies and a["wrong"] == lies
        self.tap.ok(good, f"{command}: {lie}: each is wrong, by the name of {' or '.join(kinds)}, "
                    "exit 1", detail)
        right = a["sent"] if lie in HARMLESS else a["sent"] - lies - truth["held"]
        self.tap.ok(a["answered"] == right and not a["nak"] and not a["kiss"] and
                    a["verified"] == (right if command == "nts" else a["verified"]),
                    f"{command}: {lie}: and the others are as good as ever", detail)

    def fuzz(self):
        """Every second reply spoiled at random: under an authenticator none goes unnoticed."""
        for seed in range(3):
            a, truth = self.run("nts", f"fuzz:{seed}", "--placeholders", seed, every=2)
            self.tap.ok(a["wrong"] == truth["lies"] > 100 and a.code == 1 and
                        a["answered"] == a["verified"] == a["sent"] - a["wrong"],
                        f"nts: fuzz:{seed}: of octets changed, lost, put in or cut off none goes "
                        "unnoticed", f"{truth}\n{a.explain()}")
        # Three and four have no common period.
        a, truth = self.run("nts", "flip:refid", "--verify", "1/4", every=3)
        self.tap.ok(a.code == 1 and 0.15 < a["wrong"] / truth["lies"] < 0.35 and
                    set(a.wrong_kinds()) == {"tag"} and
                    a["answered"] == a["sent"] - a["wrong"] > 2 * a["verified"] > 0,
                    "nts: flip:refid with --verify 1/4: about a quarter is noticed",
                    f"{truth}\n{a.explain()}")

    def stranger(self, command):
        a, truth = self.run(command, "stranger")
        self.tap.ok(truth["lies"] > 20 and a["answered"] == a["sent"] - truth["lies"] and
                    a["lost"] + a["wrong"] == truth["lies"],
                    f"{command}: a right reply from another port is none",
                    f"{truth}\n{a.explain()}")

    def honest(self, command):
        a, truth = self.run(command, "none")
        self.tap.ok(a.clean() and truth["requests"] == a["sent"],
                    f"{command}: a proxy that tells no lies: nothing wrong, exit 0", a.explain())

    def kisses_in_a_mix(self):
        """Each flow's row says how many of its requests got a kiss; flows of NTS have none here."""
        liar = self.world.lie("kiss:RATE", every=EVERY)
        a = self.tester.run("mix", "--plain", 1, "--garbage", 1, "--udp-port", LIAR_PORT, "--rate",
                            RATE, "--duration", "600ms", "--timeout", "200ms", "--clients", 30,
                            json_out=False)
        truth = self.world.truth(liar)
        table = [line.split() for line in a.stdout.splitlines()]
        head = next((row for row in table if row[:1] == ["flow"]), [])
        row = next((dict(zip(head, r)) for r in table if r[:1] == ["plain"] and len(r) > 2), {})
        self.tap.ok(int(row.get("kiss", -1)) > 10 and int(row["kiss"]) <= truth["lies"] and
                    int(row["sent"]) == int(row["answered"]) + int(row["kiss"]),
                    "mix: each flow's row shows its kisses", f"{row} {truth}\n{a.explain()}")

    def counted(self, command):
        """What is no wrong reply, but has a counter of its own."""
        tap = self.tap
        if command == "nts":
            a, truth = self.run("nts", "nak")
            tap.ok(a["nak"] == truth["lies"] > 20 and not a.wrong_kinds() and
                   a["answered"] == a["verified"] == a["sent"] - a["nak"],
                   "nts: NAKs are counted as such", f"{truth}\n{a.explain()}")
        for code in ("RATE", "DENY"):
            a, truth = self.run(command, f"kiss:{code}")
            tap.ok(a["kiss"] == truth["lies"] > 20 and a.kiss_codes() == {code: truth["lies"]} and
                   not a.wrong_kinds() and not a["nak"],
                   f"{command}: {code} is a kiss, counted under its code",
                   f"{truth}\n{a.explain()}")
        a, truth = self.run(command, "drop")
        tap.ok(a["lost"] == truth["lies"] > 20 and not a["late"] and not a["wrong"] and
               a["answered"] == a["sent"] - a["lost"] and
               abs(a["loss"] - a["lost"] / a["sent"]) < 1e-4,
               f"{command}: what never comes is lost", f"{truth}\n{a.explain()}")
        a, truth = self.run(command, "drop", "--loss", "1%")
        tap.ok(a.code == 1 and a["lost"] > 20, f"{command}: and too much of it is failure, if "
               "there is an objective", a.explain())
        # 350 ms for a reply are 150 too many; those to the last requests come after the end, the later the
        # slower this machine is.
        a, truth = self.run(command, "delay:350")
        tap.ok(a["late"] + a["lost"] == truth["lies"] > 20 and
               a["lost"] <= RATE * (0.17 + a["latency_ns"].get("p99", 0) / 1e9) / EVERY + 1 and not a["wrong"] and not a.wrong_kinds(),
               f"{command}: what comes after the deadline is late, and not wrong",
               f"{truth}\n{a.explain()}")
        a, truth = self.run(command, "repeat:60")
        tap.ok(0.8 * truth["lies"] - 1 <= a["wrong"] <= truth["lies"] and
               a.wrong_kinds() == {"duplicate": a["wrong"]} and a["answered"] == a["sent"] and
               a.code == 1, f"{command}: what comes again 60 ms later is a duplicate, while the "
               "run lasts", f"{truth}\n{a.explain()}")
        a, truth = self.run(command, "delay:100")
        tap.ok(a.clean() and a["latency_ns"]["max"] >= 100e6 and
               a["latency_ns"]["p99"] >= 100e6 and a["latency_ns"]["p50"] < 50e6,
               f"{command}: what comes 100 ms before the deadline is an answer with that latency",
               f"{truth}\n{a.explain()}")


with Tap() as tap, PerfWorld("perf-liar-" + sys.argv[1]) as world:
    tests = Tests(tap, world)
    world.serve_chronyd()
    command = sys.argv[1]
    tests.honest(command)
    for lie, kinds in NTS_LIES if command == "nts" else NTP_LIES:
        tests.spoiled(command, lie, kinds)
    tests.counted(command)
    tests.stranger(command)
    if command == "nts":
        tests.fuzz()
    else:
        tests.kisses_in_a_mix()
    tests.tester.ledger(tap)
