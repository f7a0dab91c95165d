"""ntsperf check: the health of noonmarkd and of chronyd, and of servers that are ill."""

import subprocess

from servers import ChronydServer, PerfWorld
from tester import Tester

from harness import BUILD, KE_PORT, SERVER_NAME, SERVER_V4, SERVER_V6, Tap, need_clients, wait_for

need_clients("chrony")

OK, WARNING, CRITICAL, UNKNOWN = range(4)


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)

    def check(self, *options, server=SERVER_V4, trust=True):
        ca = ("--ca", self.world.certificate) if trust else ()
        return self.tester.plain("check", *ca, *options, server, timeout=60)

    def expect(self, status, words, what, *options, **where):
        """The check ends with that status, and its last line begins with the level and has the words."""
        a = self.check(*options, **where)
        verdict = (a.stdout.splitlines() or [""])[-1]
        name = ("OK", "WARNING", "CRITICAL", "UNKNOWN")[status]
        self.tap.ok(a.code == status and verdict.startswith(f"{name}: ") and
                    all(word in verdict for word in words) and a.stderr == "",
                    what, a.explain())
        return a

    def healthy(self, who, nak):
        a = self.expect(OK, ("NTS is served", "stratum 1", "offset"), f"{who}: is well")
        for word in ("TLSv1.3", "ntske/1", "certificate verified", "8 of ", "2 of 2 cookies", "3 of 3 cookies",
                     "authenticated", "answered with a time", "root dispersion"):
            self.tap.ok(word in a.stdout, f"{who}: the text says '{word}'", a.explain())
        a = self.check("--json")
        ke, ntp = a["ke"], a["ntp"]
        self.tap.ok(a.code == OK and a["verdict"] == "ok" and a["exit_status"] == OK and a["findings"] == [],
                    f"{who}: JSON says so too", a.explain())
        self.tap.ok(ke["granted"] and ke["tls"] == "TLSv1.3" and ke["aead"] == 15 and ke["cookies"] == 8 and
                    88 < ke["certificate"]["days"] <= 90 and ke["certificate"]["subject"] == SERVER_NAME and
                    ke["port"] == KE_PORT and ke["ntp_port"] == 123, f"{who}: JSON's ke", a.explain())
        self.tap.ok([(e["reply"], e["cookies_asked"], e["cookies"]) for e in ntp["exchanges"]] ==
                    [("time", n, n) for n in (1, 2, 3)] and
                    all(e["reply_len"] <= e["request_len"] and 0 <= e["residence_ns"] < 1e9 and
                        e["delay_ns"] < 5e9 for e in ntp["exchanges"]),
                    f"{who}: three exchanges, each with as many cookies as asked for", a.explain())
        # Both sides read one clock.
        self.tap.ok(abs(ntp["clock"]["offset_ns"]) <= ntp["clock"]["delay_ns"] / 2 + 1e6 and
                    ntp["clock"]["stratum"] == 1 and ntp["clock"]["leap"] == 0, f"{who}: its clock", a.explain())
        self.tap.equal((ntp["spoiled_cookie"]["reply"], ntp["plain"]["reply"]), (nak, "time"),
                       f"{who}: a spoiled cookie, and a plain request")

    def noonmarkd(self):
        self.world.start()
        self.healthy("noonmarkd", "nak")
        a = self.expect(OK, (), "--id of a server that tells none", "--id")
        self.tap.equal(a.stdout.count("instance        it tells no instance id"), 3, "--id: the text says so")
        text = self.world.configuration.read_text()
        self.world.configuration.write_text(text.replace("dataplane:\n", "dataplane:\n  instance_id: ams-3\n", 1))
        subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, "reload"], check=True,
                       stdout=subprocess.DEVNULL)
        a = self.check("--id", "--json")
        self.tap.ok(a.code == OK and [e["instance_id"] for e in a["ntp"]["exchanges"]] == 3 * ["ams-3"] and
                    all(e["reply_len"] == e["request_len"] for e in a["ntp"]["exchanges"]),
                    "--id: after a reload each reply has the instance's id, and is as long as its request", a.explain())
        a = self.check("--json")
        self.tap.ok([e["instance_id"] for e in a["ntp"]["exchanges"]] == 3 * [None],
                    "without --id nothing is told", a.explain())
        self.expect(OK, (), "HOST:PORT over IPv6", server=f"[{SERVER_V6}]:{KE_PORT}")
        self.expect(WARNING, ("expires in", SERVER_NAME, "renew it"), "a certificate of 90 days, warned of below 100",
                    "--warning-days", 100)
        a = self.expect(CRITICAL, ("expires in",), "and critical below 95, with performance data for Nagios",
                        "--warning-days", 100, "--critical-days", 95, "--quiet")
        self.tap.ok(len(a.stdout.splitlines()) == 1 and " | certificate_days=" in a.stdout and " offset_s=" in a.stdout,
                    "--quiet: one line", a.explain())
        self.expect(CRITICAL, ("the offset is",), "an offset that is larger than --max-offset", "--max-offset", "1ns")
        self.expect(CRITICAL, ("certificate verify failed", "--ca"), "a certificate that nobody vouches for", trust=False)
        self.expect(CRITICAL, ("mismatch", "--name"), "a certificate of another name", "--name", "other.test")
        self.expect(OK, (), "the name that it has", "--name", SERVER_NAME)
        self.expect(UNKNOWN, ("cannot read a certificate",), "a --ca file that is none", "--ca", "/dev/null", trust=False)
        a = self.expect(CRITICAL, ("connection refused", "4461"), "nothing listens at the NTS-KE port",
                        server=f"{SERVER_V4}:4461")
        self.tap.ok("plain NTP       answered with a time" in a.stdout, "plain NTP is told nevertheless", a.explain())
        self.expect(CRITICAL, ("resolve",), "a name that does not exist", server="nobody.invalid")
        self.filtered()
        self.world.stop()

    def filtered(self):
        """Firewalls: all of NTP, and long packets only."""
        client = self.world.client

        def drop(way, *what):
            client.run("nft", "flush", "ruleset")
            client.run("nft", "add", "table", "inet", "wall")
            client.run("nft", "add", "chain", "inet", "wall", way, f"{{ type filter hook {way} priority 0; }}")
            client.run("nft", "add", "rule", "inet", "wall", way, "udp", *what, "drop")

        drop("output", "dport", "123")
        a = self.check("--json")
        self.tap.ok(a.code == CRITICAL and a["ntp"]["exchanges"][0]["reply"] == "not_sent",
                    "a request that does not leave this machine", a.explain())
        drop("input", "sport", "123")
        self.expect(CRITICAL, ("no reply to NTS requests", "port 123", "firewall block"), "NTP's port is filtered")
        drop("input", "sport", "123", "udp", "length", ">", "56")
        self.expect(CRITICAL, ("no reply to NTS requests", "longer than 48 octets"),
                    "long NTP packets are filtered, plain ones are not")
        client.run("nft", "flush", "ruleset")

    def chronyd(self):
        server = self.world.serve_chronyd()
        self.healthy("chronyd", "nak")
        self.world.end(server)
        server = ChronydServer(self.world, "chronyd-alone", local=())
        self.world.programs.append(server)
        self.tap.ok(wait_for(self.world.answers_ke, 20), "a chronyd without a source serves NTS-KE", server.tail())
        self.expect(CRITICAL, ("not synchronised", "leap 3"), "an unsynchronised chronyd")
        self.world.end(server)

    def expired(self):
        world = self.world
        good, world.certificate = world.certificate, world.expired_certificate()
        server = world.cheat()
        self.expect(CRITICAL, ("certificate has expired",), "a certificate that has expired")
        world.end(server)
        world.certificate = good

    def ill(self):
        for ke, ntp, status, words in (
                ("cookies:3", "none", WARNING, ("3 cookies instead of 8",)),
                ("no-aead", "none", CRITICAL, ("no AEAD",)),
                ("alpn", "none", CRITICAL, ("NTS-KE failed",)),
                ("none", "cookies:1", WARNING, ("2 cookies were asked for and 1 came",)),
                ("none", "sealed-by-client", CRITICAL, ("wrong authenticator",)),
                ("none", "no-seal", CRITICAL, ("no authenticator",)),
                ("none", "nak", CRITICAL, ("NAK", "cookie keys")),
                ("none", "leap:3", CRITICAL, ("not synchronised",)),
                ("port:9", "none", CRITICAL, ("no process listens", "port 9 "))):
            server = self.world.cheat(ke=ke, ntp=ntp, every=1)
            self.expect(status, words, f"a server with {ke if ke != 'none' else ntp}")
            self.world.end(server)

    def usage(self):
        for words, said in ((("chekc", "h"), "did you mean check?"), (("report", "--titel=x", "y"), "did you mean --title?")):
            a = self.tester.plain(*words)
            self.tap.ok(a.code == 2 and said in a.stderr and a.stdout == "", f"{words}: a suggestion", a.explain())
        for words, said in (((), "HOST is missing"), (("--warning-days", "x", "h"), "not valid"),
                            (("--max-ofset", "1s", "h"), "did you mean --max-offset?"), (("h:99999",), "HOST[:PORT]"),
                            (("--critical-days", "9", "--warning-days", "3", "h"), "above")):
            a = self.tester.plain("check", *words)
            self.tap.ok(a.code == UNKNOWN and said in a.stderr and a.stdout == "", f"wrong usage {words}: exit 3",
                        a.explain())


with Tap() as tap, PerfWorld("perf-check") as world:
    tests = Tests(tap, world)
    tests.usage()
    tests.noonmarkd()
    tests.chronyd()
    tests.expired()
    tests.ill()
