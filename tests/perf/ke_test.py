"""ntsperf ke: handshakes at a rate, complete, aborted and slow ones; and the verification of certificates."""

import time

from servers import PerfWorld
from tester import Tester

from harness import SERVER_V4, SERVER_V6, Tap, need_clients

need_clients("chrony", "ntpsec")


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)

    def sane(self, a, n):
        """Whether n exchanges succeeded, in times that a machine's own TLS takes."""
        latency = a["latency_ns"]
        return a.code == 0 and a["sent"] == n and a["answered"] == n and not a["lost"] and \
            not a["wrong"] and 200e3 < latency.get("min", 0) <= latency.get("p50", 0) <= \
            latency.get("p99", 0) <= latency.get("max", 0) < 2e9

    def chronyd(self):
        tap, server = self.tap, self.world.serve_chronyd()
        for family, address in (("IPv4", SERVER_V4), ("IPv6", SERVER_V6)):
            before = server.statistics()
            a = self.tester.run("ke", "--rate", 50, "--duration", "2s", server=address)
            got = server.counted(before)
            tap.ok(self.sane(a, 100),
                   f"chronyd over {family}: 100 exchanges in 2 s, and how long the first cookie took",
                   a.explain())
            tap.equal((got["NTS-KE connections accepted"], got["NTP packets received"]), (100, 0),
                      "chronyd has counted as many, and no NTP")
        a = self.tester.run("ke", "--rate", 50, "--duration", "1s", "--poisson")
        tap.ok(a.code == 0 and 25 <= a["sent"] <= 80 and a["answered"] == a["sent"],
               "--poisson: about as many", a.explain())
        a = self.tester.run("ke", "--rate", 20, "--duration", "1s", json_out=False)
        tap.ok(a.code == 0 and a.stderr == "" and "20" in a.stdout and "cookie" in a.stdout,
               "the summary for people tells of the first cookie", a.explain())
        self.trust()
        self.world.end(server)

    def trust(self):
        tap, world = self.tap, self.world
        brief = ("--rate", 10, "--duration", "300ms")
        for command in ("ke", "nts", "mix"):
            a = self.tester.run(command, *brief, trust=False, json_out=command != "ke")
            tap.ok(a.code == 1 and "--ca" in a.stderr + a.stdout and a.seconds < 5 and
                   (a.nothing() or "answered     0" in a.stdout),
                   f"{command}: a certificate that nobody vouches for: exit 1, and --ca is named",
                   a.explain())
        a = self.tester.run("ke", *brief, "--name", "other.test", json_out=False)
        tap.ok(a.code == 1 and "--ca" not in a.stdout + a.stderr and
               "name" in a.stdout + a.stderr and "answered     0" in a.stdout,
               "a certificate for another name: exit 1, and the text speaks of the name, not of --ca", a.explain())
        a = self.tester.run("ke", *brief, "--name", "ntp.test")
        tap.ok(a.code == 0 and a["answered"] == a["sent"] == 3, "its own name will do", a.explain())
        a = self.tester.run("ke", *brief, "--insecure", trust=False)
        tap.ok(a.code == 0 and a["answered"] == a["sent"] == 3, "--insecure asks for no certificate",
               a.explain())
        a = self.tester.run("nts", *brief, "--insecure", trust=False)
        tap.ok(a.clean() and a["verified"] == a["sent"],
               "and replies are verified all the same", a.explain())
        a = self.tester.run("ke", *brief, "--ke-port", 4461)
        tap.ok(a.code == 1 and a["answered"] == 0 and "4461" in a.stderr + a.stdout,
               "a port at which nobody listens: exit 1, and the port is named", a.explain())

    def expired(self):
        world = self.world
        good, world.certificate = world.certificate, world.expired_certificate()
        server = world.cheat()
        a = self.tester.run("ke", "--rate", 10, "--duration", "300ms", json_out=False)
        self.tap.ok(a.code == 1 and "expired" in a.stderr + a.stdout and
                    "answered     0" in a.stdout,
                    "a certificate that has expired: exit 1, and a text that says so", a.explain())
        world.end(server)
        world.certificate = good

    def hostile(self):
        tap, world = self.tap, self.world
        server = world.cheat()
        a = self.tester.run("ke", "--rate", 100, "--duration", "2s", "--aborted", "30%")
        truth = world.truth(server)
        detail = f"{truth}\n{a.explain()}"
        left = truth["ke_connections"] - truth["ke_answered"]
        tap.ok(truth["ke_connections"] == 200 and 35 <= left <= 85,
               "--aborted 30%: so many of the connections are left by the client", detail)
        tap.ok(a.code == 0 and not a["lost"] and not a["wrong"] and
               a["answered"] == truth["ke_answered"],
               "and the others succeed, each of them", detail)

        server = world.cheat()
        a = self.tester.run("ke", "--rate", 50, "--duration", "2s", "--slow", 20)
        truth = world.truth(server)
        detail = f"{truth}\n{a.explain()}"
        tap.ok(truth["ke_connections"] >= 120 and a.code == 0 and not a["lost"] and
               a["answered"] == truth["ke_answered"] == 100,
               "--slow 20: so many connections hang on, and all honest ones succeed", detail)

        world.start()
        before = world.status()["ke"]
        a = self.tester.run("ke", "--rate", 100, "--duration", "2s", "--aborted", "20%", "--slow",
                            10)
        time.sleep(0.5)
        after = world.status()["ke"]
        got = {k: after[k] - before[k] for k in after}
        detail = f"{got}\n{a.explain()}"
        tap.ok(a.code == 0 and a["answered"] == got["completed"] >= 120 and not a["lost"],
               "noonmarkd under aborted and slow ones: all honest ones succeed", detail)
        tap.ok(got["accepted"] - got["completed"] >= 10 + 20,
               "and it has seen the others", detail)
        world.stop()

    def slow_server(self):
        """The first cookie takes as long as it takes."""
        tap, world = self.tap, self.world
        server = world.cheat(ke="slow:300")
        a = self.tester.run("ke", "--rate", 20, "--duration", "1s")
        tap.ok(a.code == 0 and a["answered"] == 20 and a["latency_ns"]["min"] >= 300e6 and
               a["latency_ns"]["p50"] < 400e6,
               "a server that thinks for 300 ms: that is in the time to the first cookie, and no "
               "exchange waits for another", a.explain())
        world.end(server)
        server = world.cheat(ke="hang")
        a = self.tester.run("ke", "--rate", 20, "--duration", "500ms", "--timeout", "1s")
        tap.ok(a.code == 1 and not a["answered"] and
               a["lost"] + a["late"] == a["sent"] == 10 and a.seconds < 8,
               "one that never answers: all lost, exit 1", a.explain())
        world.end(server)
        for cheat in ("error:1", "garbage", "half", "reset", "nothing"):
            server = world.cheat(ke=cheat)
            a = self.tester.run("ke", "--rate", 20, "--duration", "500ms")
            tap.ok(a.code == 1 and not a["answered"] and a["sent"] == 10,
                   f"{cheat}: no exchange counts as answered, exit 1", a.explain())
            world.end(server)


with Tap() as tap, PerfWorld("perf-ke") as world:
    tests = Tests(tap, world)
    tests.chronyd()
    tests.expired()
    tests.slow_server()
    tests.hostile()
