"""What ntsperf sends, as a server sees it that notes everything: fields, cookies spent once, fresh
identifiers and nonces, how many clients from how many ports, and when requests come. And what it
makes of that server's cheats, whose seals are right."""

import signal
import sys
import time

from servers import LIAR_PORT, PerfWorld
from tester import Tester

from harness import SERVER_V6, Tap

COOKIE_FIELD = 104

# Cheats in every tenth reply, and what counts them.
CHEATS = (
    ("cookies:0", "cookies"),
    ("clear-cookie", "fields"),
    ("sealed-by-client", "tag"),
    ("no-identifier", ("identifier", "unauthenticated", "fields")),
    ("two-identifiers", "fields"),
    ("no-seal", "unauthenticated"),
    ("stratum:16", "header"),
    ("version:3", "header"),
    ("mode:3", "header"),
    ("mode:5", "header"),
    ("origin", "origin"),
    ("zero-transmit", "time"),
)
# These are none: RFC 8915 allows them.
ALLOWED = ("cookies:1", "inner-field", "long-nonce", "pad", "outer-field", "behind")


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)

    def observe(self, *options, ke="none", ntp="none", every=10, **where):
        server = self.world.cheat(ke=ke, ntp=ntp, every=every)
        a = self.tester.run("nts", *options, **where)
        truth = self.world.truth(server)
        return a, truth, f"{truth}\n{server.tail()}\n{a.explain()}"

    def paced(self, text, fits, nearly, *options):
        """Whether the gaps between requests are as they should be, in one run of four: on a machine
        that others use the tester is sometimes kept from its work, and says so. If it always is,
        the gaps have still to be nearly so."""
        for _ in range(4):
            a, truth, detail = self.observe(*options)
            good = a.clean() and fits(truth["gaps"])
            if good or not a.limited():
                break
        self.tap.ok(good or a.limited() and a.clean() and nearly(truth["gaps"]), text, detail)

    def request(self):
        tap = self.tap
        a, truth, detail = self.observe("--rate", 800, "--duration", "2s", "--clients", 60)
        tap.ok(a.clean() and a["verified"] == a["sent"],
               "a server that does everything right: nothing is wrong", detail)
        tap.ok(truth["requests"] == truth["sealed"] == a["sent"] and not truth["faults"],
               "each request is well-formed, sealed, and right to the last octet", detail)
        tap.equal(truth["lengths"], {"228": a["sent"]}, "and of 228 octets: one cookie, AEAD 15")
        tap.equal([truth[k] for k in ("cookies_used", "identifiers_repeated", "nonces_repeated",
                                      "transmits_repeated", "cookies_reused")],
                  [a["sent"], 0, 0, 0, 0], "identifiers, nonces and transmit timestamps are fresh, each cookie is spent once")
        tap.equal((truth["clients"], truth["ke_connections"]), (60, 60),
                  "60 clients have keys of their own, by one KE each")
        tap.equal(truth["first_octets"], {"35": a["sent"]}, "version 4, mode 3, leap 0")
        tap.equal(truth["addresses"], 1, "from one address")

    def ports(self):
        tap = self.tap
        brief = ("--rate", 200, "--duration", "300ms", "--clients", 12)
        for n in (1, 5):
            a, truth, detail = self.observe(*brief, "--source-ports", n)
            tap.ok(a.clean() and truth["sources"] == n, f"--source-ports {n}: from {n}", detail)
        server = self.world.cheat(ke="port:5123", udp_port=5123)
        a = self.tester.run("nts", *brief)
        truth = self.world.truth(server)
        tap.ok(a.clean() and truth["requests"] == a["sent"],
               "the port that NTS-KE names is the one that is asked", a.explain())
        server = self.world.cheat(ke="port:5124", udp_port=5123)
        a = self.tester.run("nts", *brief, "--udp-port", 5123)
        truth = self.world.truth(server)
        tap.ok(a.clean() and truth["requests"] == a["sent"],
               "but for --udp-port, which goes before it", a.explain())

    def pace(self):
        tap = self.tap
        # So slowly that some milliseconds without a CPU are a small part of a gap.
        self.paced("requests come evenly, 20 a second",
                   lambda g: abs(g["mean_s"] * 20 - 1) < 0.02 and 0.8 < g["p10"] and
                   g["p90"] < 1.2, lambda g: 0.85 < g["p50"] < 1.15, "--rate", 20, "--duration", "5s", "--clients", 30)
        # Of an exponential distribution: 0.105, 0.693 and 2.303 times the mean.
        self.paced("--poisson: gaps are spread as a Poisson process's are",
                   lambda g: abs(g["mean_s"] * 100 - 1) < 0.1 and 0.05 < g["p10"] < 0.16 and
                   0.6 < g["p50"] < 0.8 and 2 < g["p90"] < 2.6,
                   lambda g: 0.45 < g["p50"] < 0.82 and 1.8 < g["p90"], "--rate", 100, "--duration", "12s", "--clients", 30, "--poisson")
        a, truth, detail = self.observe("--rate", 300, "--duration", "1s", "--clients", 30)
        tap.ok(truth["gaps"]["span_s"] < 1.05 and abs(a["sent"] - 300) <= 3,
               "--duration is how long requests are sent", detail)

    def cookies(self):
        tap = self.tap
        for n in (1, 7):
            a, truth, detail = self.observe("--rate", 300, "--duration", "500ms", "--clients", 15,
                                            "--placeholders", n)
            tap.ok(a.clean() and truth["placeholders"] == {str(n): a["sent"]} and
                   truth["lengths"] == {str(228 + n * COOKIE_FIELD): a["sent"]},
                   f"--placeholders {n}: each request has {n}, as long as the cookie", detail)
            tap.equal((truth["cookies_used"], truth["cookies_reused"]), (a["sent"], 0), f"and with {n} no cookie is spent twice")
        a, truth, detail = self.observe("--rate", 300, "--duration", "1s", "--clients", 3,
                                        "--reuse")
        tap.ok(a.clean() and truth["cookies_used"] <= 24 and truth["cookies_reused"] > 200,
               "--reuse: cookies are spent again", detail)
        # A third of the replies is lost: the jar runs low and placeholders fill it again.
        a, truth, detail = self.observe("--rate", 300, "--duration", "2s", "--clients", 10,
                                        "--timeout", "100ms", ntp="silence", every=3)
        tap.ok(a["lost"] == truth["cheats"] and truth["cookies_reused"] == 0 and
               sum(n for k, n in truth["placeholders"].items() if k != "0") > 20 and
               max(map(int, truth["placeholders"])) <= 7,
               "under loss placeholders ask for what the jar lacks, and no cookie is spent twice",
               detail)

    def far(self):
        """Cookies that are on their way are not asked for again."""
        server, liar = self.world.cheat(), self.world.lie("delay:150", every=1)
        a = self.tester.run("nts", "--rate", 400, "--duration", "2s", "--clients", 20, "--udp-port",
                            LIAR_PORT)
        self.world.end(liar)
        truth = self.world.truth(server)
        self.tap.ok(a.clean() and truth["placeholders"] == {"0": a["sent"]} and
                    truth["cookies_reused"] == 0,
                    "a server 150 ms away: several requests of a client are under way, and none asks "
                    "for what the others bring", f"{truth}\n{a.explain()}")

    def forgotten(self):
        """The server forgets all keys at once, as one does that is restarted without them."""
        tap = self.tap
        server = self.world.cheat()
        run = self.tester.start("nts", "--rate", 400, "--duration", "4s", "--clients", 40)
        time.sleep(1.5)
        server.send(signal.SIGUSR1)
        a = run.wait()
        truth = self.world.truth(server)
        detail = f"{truth}\n{a.explain()}"
        tap.ok(40 <= a["nak"] <= 200 and truth["faults"] == {"unknown cookie": a["nak"]} and
               a["answered"] + a["nak"] == a["sent"] and not a["wrong"],
               "a server that forgets its keys: each client gets a NAK, few more than one", detail)
        tap.ok(truth["ke_connections"] == 80 and a.json["sessions"]["renewed"] == 40,
               "makes one new session, and all is well again", detail)

    def cheats(self):
        for cheat, kinds in CHEATS:
            kinds = (kinds,) if isinstance(kinds, str) else kinds
            a, truth, detail = self.observe("--rate", 400, "--duration", "500ms", "--clients", 20,
                                            "--placeholders", 2, "--timeout", "200ms", ntp=cheat)
            lies, seen = truth["cheats"], a.wrong_kinds()
            self.tap.ok(lies >= 18 and a.code == 1 and a["wrong"] == lies and
                        set(seen) <= set(kinds) and sum(seen.values()) == lies and
                        a["answered"] == a["verified"] == a["sent"] - lies,
                        f"{cheat}: each is wrong, by the name of {' or '.join(kinds)}", detail)
        for cheat in ALLOWED:
            a, truth, detail = self.observe("--rate", 400, "--duration", "500ms", "--clients", 20,
                                            "--placeholders", 2, "--timeout", "200ms", ntp=cheat)
            self.tap.ok(truth["cheats"] >= 18 and a.clean() and
                        a["verified"] == a["sent"] and not truth["faults"],
                        f"{cheat}: RFC 8915 allows it, nothing is wrong", detail)

    def agreement(self):
        """NTS-KE as it may be, and as it may not be."""
        tap, brief = self.tap, ("--rate", 200, "--duration", "300ms", "--clients", 8)
        for cheat in ("unknown-records", "chunks", "slow:200", "cookies:1", "port:123",
                      "server:10.123.0.1", "short-cookie"):
            a, truth, detail = self.observe(*brief, ke=cheat)
            tap.ok(a.clean() and truth["requests"] == a["sent"],
                   f"KE, {cheat}: as good as any", detail)
        a, truth, detail = self.observe(*brief, ke="none", server=SERVER_V6)
        tap.ok(a.clean() and truth["requests"] == a["sent"], "KE over IPv6 the same", detail)
        for cheat in ("error:1", "warning:1", "critical-unknown", "aead:16", "no-aead",
                      "no-protocol", "other-protocol", "no-end", "half", "nothing", "garbage",
                      "reset", "alpn", "cookies:0"):
            a, truth, detail = self.observe(*brief, ke=cheat)
            tap.ok(a.code == 1 and not truth["requests"] and "10.123.0.1" in a.stderr and
                   len(a.stderr.splitlines()) <= 3 and a.seconds < 5,
                   f"KE, {cheat}: no request is sent; a line says why, exit 1", detail)
        a, truth, detail = self.observe(*brief, "--timeout", "1s", ke="hang")
        tap.ok(a.code == 1 and not truth["requests"] and truth["ke_requests"] and
               "10.123.0.1" in a.stderr and a.seconds < 20,
               "KE, hang: a server that never answers is given up", detail)


with Tap() as tap, PerfWorld("perf-client-" + sys.argv[1]) as world:
    tests = Tests(tap, world)
    for name in sys.argv[1:]:
        getattr(tests, name)()
    tests.tester.ledger(tap)
