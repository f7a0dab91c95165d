"""ntsperf nts against three servers that are not its own: chronyd, ntpsec's ntpd and noonmarkd, over
IPv4 and IPv6. Every reply is verified, and what it says it sent is what they say they got."""

import time

from servers import LIAR_PORT, PerfWorld
from tester import KEYS, LATENCY, Tester

from harness import SERVER_V4, SERVER_V6, Tap, need_clients

need_clients("chrony", "ntpsec")
FAMILIES = (("IPv4", SERVER_V4), ("IPv6", SERVER_V6))


def about(got, wanted, part):
    return got is not None and abs(got - wanted) <= wanted * part


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)

    def honest(self, text, *options, server=SERVER_V4, command="nts"):
        """A run at which nothing may be wrong."""
        answer = self.tester.run(command, *options, server=server)
        self.tap.ok(answer.clean() and answer["verified"] == answer["answered"],
                    f"{text}: all answered, all verified, nothing wrong", answer.explain())
        return answer

    def chronyd(self):
        tap, server = self.tap, self.world.serve_chronyd()
        for family, address in FAMILIES:
            before = server.statistics()
            a = self.honest(f"chronyd over {family}", "--rate", 1000, "--duration", "2s",
                            "--clients", 50, server=address)
            got = server.counted(before)
            tap.equal((got["NTP packets received"], got[server.AUTHENTICATED],
                       got["NTS-KE connections accepted"]), (a["sent"], a["sent"], 50),
                      f"chronyd over {family} has counted what was sent, all authenticated, and "
                      "one KE a client")
            tap.ok(abs(a["sent"] + a["not_sent"] - 2000) <= 1 and
                   about(a["rate"], a["sent"] / 2, 0.002) and
                   about(a["answered_rate"], a["answered"] / 2, 0.002),
                   f"over {family} the rate is the one that was asked for", a.explain())
        self.contract(a)

        for n in range(8):
            self.honest(f"chronyd, {n} placeholders", "--rate", 500, "--duration", "400ms",
                        "--clients", 20, "--placeholders", n)
        self.honest("chronyd, cookies reused", "--rate", 500, "--duration", "500ms", "--clients",
                    20, "--reuse")
        before = server.statistics()
        a = self.honest("chronyd, Poisson", "--rate", 1000, "--duration", "2s", "--clients", 50,
                        "--poisson")
        tap.equal(server.counted(before)["NTP packets received"], a["sent"],
                  "Poisson's requests are counted as they are sent")
        tap.ok(about(a["sent"], 2000, 0.1), "and about as many as asked for", a.explain())

        a = self.tester.run("nts", "--rate", 2000, "--duration", "2s", "--clients", 100, "--verify",
                            "1/16")
        tap.ok(a.code == 0 and a["answered"] == a["sent"] and not a["wrong"] and
               about(a["verified"], a["answered"] / 16, 0.3),
               "--verify 1/16: about one in 16 is verified, none is wrong", a.explain())
        self.latency_of_a_slow_path()
        self.silence()
        self.interrupted()
        self.world.end(server)

    def contract(self, a):
        tap = self.tap
        tap.equal([k for k in KEYS if k not in a.json], [], "--json has the keys of the contract")
        latency = a["latency_ns"]
        tap.equal([k for k in LATENCY if k not in latency], [], "and the percentiles of latency")
        values = [latency.get(k) or 0 for k in LATENCY if k != "mean"]
        tap.ok(values == sorted(values) and 1000 < values[0] and values[-1] < 1e9 and
               values[0] <= latency["mean"] <= values[-1],
               "which rise from the least to the most, and are a veth's", latency)

    def latency_of_a_slow_path(self):
        """20 ms more on the way back."""
        liar = self.world.lie("delay:20", every=1)
        a = self.honest("chronyd, 20 ms away", "--rate", 500, "--duration", "1s", "--clients", 20,
                        "--udp-port", LIAR_PORT)
        self.world.end(liar)
        latency = a["latency_ns"]
        self.tap.ok(20e6 <= latency.get("min", 0) < 23e6 and latency["p50"] < 28e6,
                    "20 ms on the way are 20 ms of latency", latency)

    def silence(self):
        a = self.tester.run("nts", "--rate", 200, "--duration", "1s", "--clients", 4,
                            json_out=False)
        self.tap.ok(a.code == 0 and a.stderr == "" and "answered" in a.stdout.lower(),
                    "without --json: a summary on stdout, and nothing on a stderr that is no terminal",
                    a.explain())

    def interrupted(self):
        liar = self.world.lie("delay:100", every=1)
        run = self.tester.start("nts", "--rate", 500, "--duration", "60s", "--clients", 50,
                                "--udp-port", LIAR_PORT)
        time.sleep(3)
        run.interrupt()
        at = time.monotonic()
        a = run.wait(10)
        took = time.monotonic() - at
        self.world.end(liar)
        self.tap.ok(a.code is not None and took < 1.5 and 500 <= a["sent"] <= 1600 and
                    a["answered"] == a["verified"] and
                    20 <= a["open"] <= 120 and a["answered"] == a["sent"] - a["open"],
                    "SIGINT ends a run within a second, with what it has found so far",
                    f"{took:.2f} s\n{a.explain()}")
        self.tap.ok(a.code in (0, 130) and not a["lost"],
                    "and what was in flight is no loss, but open", a.explain())

    def ntpd(self):
        server = self.world.serve_ntpd()
        for family, address in FAMILIES:
            self.honest(f"ntpd over {family}", "--rate", 100, "--duration", "1s", "--clients", 4,
                        server=address)
        self.honest("ntpd, 7 placeholders", "--rate", 100, "--duration", "500ms", "--clients", 4,
                    "--placeholders", 7)
        self.world.end(server)

    def noonmarkd(self):
        self.world.start()
        for family, address in FAMILIES:
            before = self.world.counters()
            a = self.honest(f"noonmarkd over {family}", "--rate", 1000, "--duration", "2s",
                            "--clients", 50, server=address)
            after = self.world.counters()
            self.tap.equal(after["answered_nts"] - before["answered_nts"], a["sent"],
                           f"noonmarkd over {family} has counted what was sent")
        self.honest("noonmarkd, 7 placeholders", "--rate", 500, "--duration", "500ms", "--clients",
                    20, "--placeholders", 7)


with Tap() as tap, PerfWorld("perf-nts") as world:
    tests = Tests(tap, world)
    tests.chronyd()
    tests.ntpd()
    tests.noonmarkd()
    tests.tester.ledger(tap)
