"""ntsperf mix: honest and hostile traffic in shares, victims whose loss must stay small, and a storm that makes all cookies invalid. noonmarkd and chronyd; what they have counted must agree."""


from servers import PerfWorld
from tester import Tester

from harness import Tap, need_clients

need_clients("chrony")


def flows_of(a):
    return {f["name"]: f for f in a["flows"]}


def total(flows, *names):
    return sum(flows[n]["sent"] for n in names if n in flows)


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)

    def noonmarkd(self):
        tap, world = self.tap, self.world
        world.start()
        before = world.counters()
        a = self.tester.run("mix", "--nts", 8, "--plain", 4, "--bad-tag", 2, "--unknown-key", 2,
                            "--garbage", 2, "--replay", 2, "--rate", 2000, "--duration", "2s",
                            "--clients", 100, "--victim-rate", 100)
        after = world.counters()
        got = {k: after[k] - before[k] for k in after if after[k] != before[k]}
        flows = flows_of(a)
        detail = f"{got}\n{a.explain()}"
        names = ("nts", "plain", "bad-tag", "unknown-key", "garbage", "replay", "victim")
        if not tap.equal(sorted(flows), sorted(names), "each class is a flow of the result"):
            tap.note(detail)
        for name, share in (("nts", 8), ("plain", 4), ("bad-tag", 2), ("unknown-key", 2),
                            ("garbage", 2), ("replay", 2)):
            sent = total(flows, name)
            tap.ok(abs(sent / 4000 * 20 / share - 1) < 0.15,
                   f"{name}: {share} of 20 shares", f"{sent} of 4000\n{detail}")
        for name in ("nts", "plain", "replay", "victim"):
            f = flows.get(name, {})
            tap.ok(f.get("sent") and f.get("answered") == f["sent"] and not f.get("nak") and
                   not f.get("wrong"), f"{name}: each is answered", detail)
        for name in ("bad-tag", "unknown-key"):
            f = flows.get(name, {})
            tap.ok(f.get("sent") and f.get("nak") == f["sent"] and not f.get("answered"),
                   f"{name}: each gets a NAK, counted there", detail)
        f = flows.get("garbage", {})
        tap.ok(f.get("sent") and not f.get("answered") and not f.get("nak") and
               f.get("lost") == 0, "garbage: silence, which is no loss", detail)
        tap.ok(a.code == 0 and not a["wrong"] and not a["lost"],
               "the silence that garbage gets is no loss, NAKs that were asked for are no fault: "
               "exit 0", detail)
        tap.equal((got.get("answered_nts"), got.get("answered_plain"), got.get("answered_nak")),
                  (total(flows, "nts", "replay", "victim"), total(flows, "plain"),
                   total(flows, "bad-tag", "unknown-key")),
                  "noonmarkd has counted the same, class by class")
        tap.equal(sum(n for k, n in got.items() if k.startswith("dropped_")),
                  total(flows, "garbage") or "something", "and has dropped the garbage, nothing else")
        v = flows.get("victim", {})
        tap.ok(abs(v.get("sent", 0) - 200) <= 4 and v.get("lost") == 0,
               "victims ask at their own rate and lose nothing on an idle server", detail)

        a = self.tester.run("mix", "--nts", 1, "--rate", 500, "--duration", "1s", "--clients", 40)
        tap.ok(a.code == 0 and a["answered"] == a["sent"] == a["verified"] == 500 and
               list(flows_of(a)) == ["nts"], "one class alone", a.explain())
        a = self.tester.run("mix", "--garbage", 1, "--rate", 500, "--duration", "1s",
                            "--victim-rate", 50)
        f = flows_of(a)
        tap.ok(a.code == 0 and f.get("victim", {}).get("answered") == 50,
               "nothing but garbage, and victims", a.explain())
        world.stop()

    def profile(self):
        """A named mix: its flows in their shares, its hash in the manifest."""
        tap, world = self.tap, self.world
        listed = self.tester.plain("mix", "--profile", "list")
        name, _, sha = (listed.stdout.split() + [""] * 3)[:3]
        tap.ok(listed.code == 0 and name == "public-2026.1" and len(sha) == 64, "--profile list", listed.explain())
        world.start()
        a = self.tester.run("mix", "--profile", name, "--rate", 2000, "--duration", "2s", "--clients", 100)
        flows = flows_of(a)
        tap.equal(a["manifest"].get("profile"), {"name": name, "sha256": sha}, "the manifest has the profile and its hash")
        total_sent = total(flows, *flows)
        # It may have begun in the first second of a minute, with a burst.
        tap.ok(3400 < total_sent < 12000 and set(flows) == {"nts", "plain", "elephant", "garbage", "bad-tag", "unknown-key"} and
               all(abs(flows[n]["sent"] / total_sent * 100 - share) < 2 for n, share in (("nts", 20), ("plain", 65.5), ("elephant", 13))),
               "a profile's flows have its shares", a.explain())
        tap.ok(flows.get("elephant", {}).get("sent") == flows.get("elephant", {}).get("answered") and not a["wrong"],
               "elephants are answered", a.explain())
        world.stop()

    def chronyd(self):
        tap, server = self.tap, self.world.serve_chronyd()
        before = server.statistics()
        a = self.tester.run("mix", "--nts", 4, "--plain", 4, "--bad-tag", 2, "--unknown-key", 2,
                            "--garbage", 2, "--replay", 2, "--rate", 1000, "--duration", "2s",
                            "--clients", 60)
        got, flows = server.counted(before), flows_of(a)
        detail = f"{got}\n{a.explain()}"
        tap.ok(a.code == 0 and not a["wrong"] and
               flows["bad-tag"]["nak"] == flows["bad-tag"]["sent"] and
               flows["unknown-key"]["nak"] == flows["unknown-key"]["sent"] and
               all(flows[n]["answered"] == flows[n]["sent"] for n in ("nts", "plain", "replay")),
               "chronyd answers, refuses and ignores the same", detail)
        tap.equal(got[server.AUTHENTICATED], total(flows, "nts", "replay") or "some",
                  "and has counted as many authenticated ones")
        self.victims_suffer()
        self.world.end(server)

    def victims_suffer(self):
        """That their loss can be seen: half of all is dropped."""
        nft = self.world.server.run
        nft("nft", "-f", "-", input="""table inet t {
            chain c {
                type filter hook input priority 0;
                udp dport 123 numgen random mod 2 0 drop
            }
        }""")
        a = self.tester.run("mix", "--plain", 1, "--rate", 500, "--duration", "1s",
                            "--victim-rate", 100, "--clients", 20, "--timeout", "200ms")
        nft("nft", "flush", "ruleset")
        v = flows_of(a).get("victim", {})
        self.tap.ok(25 <= v.get("lost", 0) <= 75 and v["lost"] + v["answered"] == v["sent"] == 100 and
                    a["lost"], "when half of all is lost, victims lose about half", a.explain())

    def gullible(self):
        """A server that takes forged requests for genuine."""
        server = self.world.cheat(ntp="gullible")
        a = self.tester.run("mix", "--nts", 2, "--bad-tag", 1, "--rate", 300, "--duration", "1s",
                            "--clients", 40)
        truth, flows = self.world.truth(server), flows_of(a)
        forged = flows.get("bad-tag", {})
        self.tap.ok(forged.get("sent", 0) >= 90 and forged["wrong"] == forged["sent"] and
                    truth["faults"] == {"tag": forged["sent"]} and a.code == 1 and
                    flows["nts"]["answered"] == flows["nts"]["sent"],
                    "a server that answers forged requests: each such reply is wrong, exit 1",
                    f"{truth}\n{a.explain()}")

    def storm(self):
        """All cookies die at once: NAKs, then NTS-KE anew, then all is well."""
        tap, server = self.tap, self.world.serve_chronyd()
        before = server.statistics()
        a = self.tester.run("mix", "--nts", 1, "--rate", 500, "--duration", "4s", "--clients", 40,
                            "--storm", "1s")
        got = server.counted(before)
        detail = f"{got}\n{a.explain()}"
        tap.ok(a["nak"] and a["nak"] >= 40 and not a["wrong"] and
               a.json.get("storm", {}).get("recovered") == 40,
               "--storm 1s: each client sees a NAK, each has recovered", detail)
        tap.ok(got["NTS-KE connections accepted"] >= 80,
               "and asks for new keys", detail)
        tap.ok(a["answered"] + a["nak"] + a["lost"] == a["sent"] and
               a["answered"] > a["sent"] * 0.5,
               "after which requests are answered again", detail)
        self.world.end(server)


with Tap() as tap, PerfWorld("perf-mix") as world:
    tests = Tests(tap, world)
    tests.noonmarkd()
    tests.profile()
    tests.chronyd()
    tests.gullible()
    tests.storm()
    tests.tester.ledger(tap)
