"""ntsperf --same-clock: a server that says the time as it is has no error, however busy the machine
is, and one that does not is found out, reply by reply. chronyd, and a server that lies."""

from servers import LIAR_PORT, PerfWorld
from tester import Tester

from harness import SERVER_V6, Tap, need_clients

need_clients("chrony")

ERRORS = ("receive_before_sent", "sent_after_received", "order", "uncovered", "beyond_half_delay")
SECOND = 10**9
PRECISION_NS = 60  # 2^-24 s; those of the servers here are finer


def not_judged(a, s):
    """Replies that may have lied unseen: without a stamp, or later than the tester waits."""
    return s["unjudged"] + a["late"] + a["lost"]


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)

    def run(self, command, *options, **where):
        a = self.tester.run(command, "--same-clock", *options, **where)
        return a, a.json.get("same_clock") or {}

    def complete(self, a, s):
        """Whether each reply was judged; the kernel begins to stamp a moment after it was asked to."""
        return s and s["judged"] + s["unjudged"] == a["answered"] + a.wrong_kinds().get("time", 0) and \
            s["judged"] >= 0.9 * a["answered"] > 0

    def contained(self, text, a, s):
        tap = self.tap
        tap.ok(a.code == 0 and not a["wrong"] and self.complete(a, s), f"{text}: judged", a.explain())
        tap.ok(s and s["contained"] == 1 and not any(s[n] for n in ERRORS) and s["worst"] is None and
               s["receive_error_ns"]["min"] >= -PRECISION_NS and
               s["transmit_error_ns"]["max"] <= PRECISION_NS,
               f"{text}: wholly contained", a.explain())

    def chronyd(self):
        for command in ("ntp", "nts"):
            for name, options in (("one by one", ("--rate", 2000)),
                                  ("in bunches of 64", ("--rate", 10000, "--bunch", 64)),
                                  ("from one port", ("--rate", 2000, "--source-ports", 1)),
                                  ("over IPv6", ("--rate", 2000))):
                where = {"server": SERVER_V6} if "IPv6" in name else {}
                a, s = self.run(command, "--duration", "700ms", *options, **where)
                self.contained(f"{command}: chronyd, {name}", a, s)
        a, s = self.run("ntp", "--rate", 2, "--duration", "1s")
        self.tap.ok(self.complete(a, s) and s["contained"] == 1, "a request now and then", a.explain())
        a, s = self.run("ntp", "--rate", 2000, "--duration", "700ms", "--interleaved")
        self.tap.ok(a["interleaved"] > 0 and s["unjudged"] >= a["interleaved"] and
                    s["judged"] + s["unjudged"] == a["answered"] and not any(s[n] for n in ERRORS),
                    "interleaved replies are not judged", a.explain())
        a = self.tester.run("ntp", "--rate", 2000, "--duration", "300ms")
        self.tap.ok(a.clean() and "same_clock" not in a.json, "nothing of it unless asked for",
                    a.explain())

    def failing_sends(self):
        """Each fifth send fails, and is tried again: a stamp must not go to another request."""
        self.world.client.run("nft", "-f", "-", input="""table inet t {
            chain out {
                type filter hook output priority 0;
                udp dport 123 numgen inc mod 5 0 drop
            }
        }""")
        for name, options in (("one by one", ()), ("in bunches", ("--bunch", 32))):
            a, s = self.run("ntp", "--rate", 2000, "--duration", "700ms", *options)
            self.contained(f"sends that fail, {name}", a, s)
        self.world.client.run("nft", "flush", "ruleset")

    def lie(self, **options):
        """A run against a server that lies, with what that says it did."""
        server = self.world.misdate(**options)
        a, s = self.run("ntp", "--udp-port", LIAR_PORT, "--rate", 500, "--duration", "1s")
        return a, s, self.world.truth(server)

    def honest(self):
        a, s, _ = self.lie()
        self.contained("a server that reads the clock between receiving and sending", a, s)

    def gross(self):
        """A second ahead or behind cannot be excused by anything that happens on a busy machine."""
        for name, options in (("receive_before_sent", {"receive": -SECOND}),
                              ("sent_after_received", {"transmit": SECOND})):
            for dispersion, covered in ((0, False), (2 << 16, True)):
                a, s, truth = self.lie(dispersion=dispersion, **options)
                lies = truth["lies"]
                detail = f"{truth}\n{a.explain()}"
                self.tap.ok(self.complete(a, s) and 0 <= lies - s[name] <= not_judged(a, s) and
                            lies > 50,
                            f"{name} by a second: each is found", detail)
                self.tap.ok(s and s["beyond_half_delay"] == s[name] and
                            s["uncovered"] == (0 if covered else s[name]) and
                            sum(s[n] for n in ERRORS[:3]) == s[name] and
                            abs(s["contained"] - (1 - s[name] / s["judged"])) < 1e-6,
                            f"{'covered' if covered else 'not covered'} by the root dispersion", detail)
                self.tap.ok(s and s["worst"]["error"] == name and
                            0 <= s["worst"]["t"] <= 1.5 and
                            0.1 * SECOND < s["worst"]["ns"] <= SECOND, "the worst is shown", detail)
        a, s, truth = self.lie(transmit=-SECOND)
        self.tap.ok(self.complete(a, s) and 0 <= truth["lies"] - s["order"] <= not_judged(a, s) and
                    s["order"] > 50 and set(a.wrong_kinds()) == {"time"},
                    "transmit before receive: wrong replies, judged all the same",
                    f"{truth}\n{a.explain()}")

    def small(self):
        """5 us. Of the transmit timestamp it depends on how long sending takes whether that is a
        lie; the server knows of some that they are."""
        a, s, truth = self.lie(transmit=5000)
        found = s["sent_after_received"] + not_judged(a, s)
        self.tap.ok(truth["certain"] <= found and s["sent_after_received"] <= truth["lies"] and
                    not s["receive_before_sent"] and not s["order"],
                    f"5 us late: {truth['certain']} of {truth['lies']} are certain, "
                    f"{s['sent_after_received']} found", f"{truth}\n{a.explain()}")
        a, s, truth = self.lie(transmit=200000)
        found = s["sent_after_received"] + not_judged(a, s)
        self.tap.ok(truth["certain"] <= found and s["sent_after_received"] <= truth["lies"],
                    f"200 us late: {truth['certain']} of {truth['lies']} are certain, "
                    f"{s['sent_after_received']} found", f"{truth}\n{a.explain()}")
        # A request leaves within 1 us before it comes, unless an interrupt lies between.
        a, s, truth = self.lie(receive=-5000)
        found = s["receive_before_sent"] + not_judged(a, s)
        self.tap.ok(0.8 * truth["lies"] <= found and s["receive_before_sent"] <= truth["lies"] and
                    not s["sent_after_received"] and s["worst"]["ns"] < 5000,
                    f"5 us early: of {truth['lies']}, {s['receive_before_sent']} found",
                    f"{truth}\n{a.explain()}")
        # 5 us are less than 2^-17 s.
        a, s, truth = self.lie(receive=-5000, precision=-17)
        self.tap.ok(self.complete(a, s) and s["contained"] == 1, "within the server's precision: none",
                    f"{truth}\n{a.explain()}")

    def text(self):
        server = self.world.misdate(transmit=SECOND)
        a = self.tester.run("ntp", "--same-clock", "--udp-port", LIAR_PORT, "--rate", 500,
                            "--duration", "500ms", json_out=False)
        self.world.truth(server)
        self.tap.ok("same clock" in a.stdout and "the worst: sent_after_received by" in a.stdout and
                    "UNCOVERED" in a.stdout and a.code == 0, "the summary says so too", a.explain())
        server = self.world.misdate()
        a = self.tester.run("ntp", "--same-clock", "--udp-port", LIAR_PORT, "--rate", 500,
                            "--duration", "500ms", json_out=False)
        self.world.truth(server)
        self.tap.ok("0 not contained" in a.stdout and "worst" not in a.stdout,
                    "and says nothing of errors where there are none", a.explain())


with Tap() as tap, PerfWorld("perf-same-clock") as world:
    tests = Tests(tap, world)
    server = world.serve_chronyd()
    tests.chronyd()
    tests.failing_sends()
    world.end(server)
    tests.honest()
    tests.gross()
    tests.small()
    tests.text()
    tests.tester.ledger(tap)
