"""ntsperf refuses to load a server that may belong to others, before it sends a packet, unless an
option permits it; and its errors for wrong command lines."""

import json
import re
import shlex

from servers import PerfWorld
from tester import NTSPERF, Running, Tester, options_of

from harness import CLIENT_IF, SERVER_IF, SERVER_V4, SERVER_V6, Tap, need_clients, wait_for

need_clients("chrony")

CONSENT = "--i-own-this-server"
COMMANDS = ("nts", "ntp", "mix", "ke")

# Public, by any spelling.
STRANGERS = ("192.0.2.1", "203.0.113.9", "2001:db8::1", "::ffff:192.0.2.1", "11.0.0.1",
             "172.15.255.255", "172.32.0.1", "192.167.255.255", "192.169.0.1", "128.0.0.1",
             "169.253.0.1", "2001:db8::10.123.0.1", "64:ff9b::a7b:1", "fbff::1", "fe00::1")
# Whatever these are, no load is to go there.
NEVER = ("0xc0000201", "3221225985", "192.0.513", "255.255.255.255", "224.0.1.1", "ff02::101",
         "ff0e::101", "240.0.0.1")
NAMES = ("stranger.test", "stranger6.test")
MIXED = ("both.test", "both-later.test")  # a private address, and a public one
HOSTS = f"""127.0.0.1 localhost
192.0.2.1 stranger.test
2001:db8::1 stranger6.test
{SERVER_V4} ntp.test
{SERVER_V4} both.test
192.0.2.1 both.test
192.0.2.1 both-later.test
{SERVER_V4} both-later.test
"""


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.tester = tap, world, Tester(world)
        self.hosts = world.home / "hosts"
        self.hosts.write_text(HOSTS)
        client = world.client
        # There is a way out, so that what is sent is seen.
        client.ip("route", "add", "default", "via", SERVER_V4)
        client.ip("-6", "route", "add", "default", "via", SERVER_V6)
        client.run("nft", "-f", "-", input=f"""
            table inet watch {{
                counter strangers {{ }}
                chain out {{
                    type filter hook output priority 0;
                    ip daddr 10.123.0.0/24 accept
                    ip6 daddr {{ fd6e:6d::/64, fe80::/10 }} accept
                    meta l4proto ipv6-icmp accept
                    oifname "lo" accept
                    counter name strangers
                }}
            }}""")

    def strangers(self):
        """How many packets have left for somewhere else since the last call."""
        got = self.world.client.run("nft", "-j", "list", "counter", "inet", "watch", "strangers",
                                    stdout=-1).stdout
        self.world.client.run("nft", "reset", "counter", "inet", "watch", "strangers", stdout=-3)
        return next(o["counter"]["packets"] for o in json.loads(got)["nftables"]
                    if "counter" in o)

    def plain(self, *words, **options):
        return self.tester.plain(*words, **options)

    def with_hosts(self, *words):
        """With /etc/hosts as this test has it, for that process alone."""
        line = shlex.join(map(str, (NTSPERF, *words)))
        switch = self.world.home / "nsswitch"
        switch.write_text("hosts: files\n")
        return Running(self.world.client.command(
            "unshare", "-m", "sh", "-c",
            f"mount --bind {shlex.quote(str(self.hosts))} /etc/hosts; "
            f"mount --bind {shlex.quote(str(switch))} /etc/nsswitch.conf; exec {line}")).wait(20)

    def refused(self, a, what):
        self.tap.ok(a.code in (1, 2) and CONSENT in a.stderr and a.stdout == "" and
                    self.strangers() == 0 and a.seconds < 2,
                    f"{what} is refused before anything is sent, with the way to consent",
                    a.explain())

    def refusals(self):
        self.strangers()
        brief = ("--sockets", "--rate", 10, "--duration", "200ms", "--timeout", "100ms")
        for address in STRANGERS:
            self.refused(self.plain("ntp", *brief, address), f"ntp {address}")
        for command in COMMANDS:
            self.refused(self.plain(command, *brief, "192.0.2.1"), f"{command} 192.0.2.1")
            self.refused(self.plain(command, *brief, "2001:db8::1"), f"{command} 2001:db8::1")
        for address in NEVER:
            a = self.plain("ntp", *brief, address)
            self.tap.ok(a.code in (1, 2) and self.strangers() == 0 and a.stderr != "",
                        f"nothing is sent to {address}", a.explain())
        for name in NAMES:
            self.refused(self.with_hosts("ntp", *brief, name), f"ntp {name}")
            self.refused(self.with_hosts("nts", *brief, name), f"nts {name}")

        for name in MIXED:
            a = self.with_hosts("ntp", *brief, "--json", name)
            self.tap.ok(self.strangers() == 0 and (CONSENT in a.stderr or a["sent"] > 0),
                        f"{name}: at most its private address is asked", a.explain())

        # With consent. The way goes nowhere, but it is gone.
        a = self.plain("ntp", *brief, CONSENT, "192.0.2.1")
        self.tap.ok(a.code == 1 and self.strangers() > 0,
                    "with consent a public address is asked", a.explain())
        a = self.plain("ntp", *brief, "192.0.2.1", CONSENT)
        self.tap.ok(a.code == 1 and self.strangers() > 0, "also when the option comes last",
                    a.explain())

    def redirected(self):
        """Our own server returns another owner's NTP server in NTS-KE."""
        brief = ("--rate", 100, "--duration", "300ms", "--timeout", "100ms", "--clients", 3)
        for where in ("192.0.2.1", "2001:db8::1", "stranger.test"):
            server = self.world.cheat(ke=f"server:{where}")
            self.strangers()
            if where == "stranger.test":
                a = self.with_hosts("nts", "--sockets", *brief, "--ca", self.world.certificate,
                                    SERVER_V4)
            else:
                a = self.tester.run("nts", *brief)
            self.tap.ok(a.code in (1, 2) and CONSENT in a.stderr and self.strangers() == 0,
                        f"NTS-KE points at {where}: refused, nothing is sent there", a.explain())
            self.world.end(server)
        server = self.world.cheat(ke="server:10.123.0.1")
        a = self.tester.run("nts", *brief, server=SERVER_V6)
        self.tap.ok(a.clean() and self.strangers() == 0,
                    "NTS-KE points at another private address: that is asked", a.explain())
        self.world.end(server)

    def link_local(self):
        """The server's link-local address, once both ends' are theirs: a tentative one answers
        nothing, and nothing is sent from it."""
        found = []
        for namespace, interface in ((self.world.server, SERVER_IF), (self.world.client, CLIENT_IF)):
            got = json.loads(namespace.run("ip", "-6", "-j", "addr", "show", "dev", interface,
                                           stdout=-1).stdout)
            found += [i for o in got for i in o.get("addr_info", ()) if i.get("scope") == "link"]
        return len(found) == 2 and not any(i.get("tentative") for i in found) and found[0]["local"]

    def accepted(self):
        brief = ("--rate", 100, "--duration", "300ms", "--timeout", "200ms")
        server = self.world.serve_chronyd()
        link_local = wait_for(self.link_local, 5)
        for address in (SERVER_V4, SERVER_V6, f"{link_local}%{CLIENT_IF}"):
            a = self.tester.run("ntp", *brief, server=address)
            self.tap.ok(a.clean(), f"{address} is asked without more words".replace(
                link_local, "fe80::..."), a.explain())
        # A public network, but this link's own.
        for namespace, interface, v4, v6 in (
                (self.world.server, SERVER_IF, "192.0.2.1/24", "2001:db8::1/64"),
                (self.world.client, CLIENT_IF, "192.0.2.2/24", "2001:db8::2/64")):
            namespace.ip("addr", "add", v4, "dev", interface)
            namespace.ip("addr", "add", v6, "dev", interface, "nodad")
        for address in ("192.0.2.1", "2001:db8::1"):
            a = self.tester.run("ntp", *brief, server=address)
            self.tap.ok(a.clean(), f"{address}, when it is on-link, likewise", a.explain())
        for namespace, interface, v4, v6 in (
                (self.world.server, SERVER_IF, "192.0.2.1/24", "2001:db8::1/64"),
                (self.world.client, CLIENT_IF, "192.0.2.2/24", "2001:db8::2/64")):
            namespace.ip("addr", "del", v4, "dev", interface)
            namespace.ip("addr", "del", v6, "dev", interface)
        a = self.with_hosts("nts", "--sockets", *brief, "--clients", 3, "--json", "--ca",
                            self.world.certificate, "ntp.test")
        self.tap.ok(a.clean(), "a name of a private address likewise, and TLS verifies that name",
                    a.explain())
        for address in ("127.0.0.1", "::1", "localhost", "172.31.255.255", "172.16.0.1",
                        "192.168.255.1", "10.0.0.1", "169.254.1.1", "fdff::1", "fc00::1"):
            a = self.tester.run("ntp", *brief, server=address)
            self.tap.ok(a.code == 1 and CONSENT not in a.stderr and a["sent"] + a["not_sent"] > 0,
                        f"{address} is not refused, though nobody answers", a.explain())
        self.world.end(server)

    def usage(self):
        tap, ca = self.tap, self.world.certificate
        known = {}
        for command in COMMANDS:
            a = self.plain(command, "--help")
            known[command] = options_of(a.stdout)
            common = {"--sockets", "--rate", "--duration", "--json", "--csv", "--timeout", "--pid",
                      "--search", "--loss", "--p99", "--step", "--poisson",
                      "--i-own-this-server", "--help"}
            tap.ok(a.code == 0 and a.stderr == "" and common <= known[command],
                   f"{command} --help, on stdout, names all options",
                   f"missing: {common - known[command]}\n{a.explain()}")
            lines = a.stdout.splitlines()
            empty = [line for line, after in zip(lines, lines[1:] + [""])
                     if re.fullmatch(r"[A-Z][\w-]*", line) and not after]
            tap.equal(empty, [], f"{command} --help has no heading without options")
            # Each option that the help names is one that is known.
            for option in sorted(known[command]):
                b = self.plain(command, option)
                said = b.stderr.lower().replace(option, "")
                tap.ok("unknown" not in said and "unrecognized" not in said,
                       f"{command} knows {option}", b.explain())
        for command, wanted in (
                ("nts", "--clients --placeholders --reuse --verify --ca --insecure --name --ke-port "
                        "--udp-port --search --loss --p99 --step --ramp --poisson --pid --csv"),
                ("ntp", "--interleaved --udp-port --search --loss --p99 --poisson --csv"),
                ("ke", "--aborted --slow --ca --insecure --name --ke-port"),
                ("mix", "--nts --plain --bad-tag --unknown-key --garbage --replay --flood --spoof "
                        "--victim-rate --storm --ca --port")):
            tap.equal(sorted(set(wanted.split()) - known[command]), [],
                      f"{command} --help has the options of the contract")
        a = self.plain("--help")
        tap.ok(a.code == 0 and all(c in a.stdout for c in COMMANDS) and a.stderr == "",
               "--help names the commands", a.explain())

        wrong = [
            ((), "no command"),
            (("frobnicate", SERVER_V4), "an unknown command", "frobnicate"),
            (("ntp",), "no server"),
            (("ntp", SERVER_V4, SERVER_V4), "two servers"),
            (("ntp", "--frobnicate", SERVER_V4), "an unknown option", "--frobnicate"),
            (("ntp", "--interleaved=7", SERVER_V4), "a value for an option without"),
            (("ntp", "--rate"), "an option without its value", "--rate"),
            (("ntp", "--rate", 10, "--frobnicate=3", SERVER_V4), "and one with a value",
             "--frobnicate"),
            (("ntp", "--ca", ca, SERVER_V4), "a CA for plain NTP", "--ca"),
            (("ke", "--placeholders", 2, SERVER_V4), "placeholders for NTS-KE", "--placeholders"),
            (("ntp", "--search", "--step", "100:200:x2", SERVER_V4), "a search by steps"),
            (("mix", "--nts", "-1", SERVER_V4), "a negative share", "--nts"),
            (("mix", "--flood", 1, "--spoof", "10.9.0.0/16", SERVER_V4), "--spoof over sockets",
             "--spoof"),
            (("ntp", "--ipv6", "--ipv4", SERVER_V4), "two families at once"),
            (("nts", "--interleaved", "--ca", ca, SERVER_V4), "another command's option",
             "--interleaved"),
            (("ntp", "--step", "1000:5000:x1", SERVER_V4), "steps that do not rise"),
            (("ntp", "--step", "5000:1000:x2", SERVER_V4), "steps from high to low"),
            (("ntp", "--ramp", "1000", SERVER_V4), "half a ramp"),
            (("ntp", "--sockets", "--port", "net_null0", SERVER_V4), "sockets and a port"),
        ]
        for option, values in (
                ("--rate", "0 -1 1e99 99999999999999999999 x 10k0 nan inf 5% '' ".split() + ["1 0"]),
                ("--duration", "0 -1s 10x s 99999999999s nan inf".split()),
                ("--timeout", "0 -5ms h".split()),
                ("--clients", "0 -1 1.5 x 99999999999".split()),
                ("--udp-port", "0 65536 -1 x 1.5".split()),
                ("--loss", "-1% 101% x".split()),
                ("--p99", "0 x -1ms".split())):
            for value in values:
                wrong.append((("ntp", option, value.strip("'"), SERVER_V4),
                              f"{option} {value}", option))
        for option, values in (("--placeholders", "-1 8 x 1.5".split()),
                               ("--verify", "0 1/0 2/1 -1/2 1/x".split()),
                               ("--ke-port", "0 65536 x".split())):
            for value in values:
                wrong.append((("nts", "--ca", ca, option, value, SERVER_V4), f"{option} {value}",
                              option))
        for words, what, *named in (
                (("ntp", "no-such-host.invalid"), "a host that is not there",
                 "no-such-host.invalid"),
                (("nts", "--ca", "/nonexistent/ca.pem", SERVER_V4), "a missing CA file",
                 "/nonexistent/ca.pem"),
                (("nts", "--ca", self.world.key, SERVER_V4), "a CA file without a certificate",
                 "key.pem"),
                (("ntp", "--ipv6", SERVER_V4), "an IPv4 address, and --ipv6", SERVER_V4),
                (("ntp", "--json=/nonexistent/x", "--duration", "100ms", SERVER_V4),
                 "a result that cannot be written", "/nonexistent/x"),
                (("ntp", "--pid", 4194305, "--duration", "100ms", SERVER_V4),
                 "a process that is not there", "4194305"),
                (("ntp", "--core", 4000, "--duration", "100ms", SERVER_V4),
                 "a CPU that is not there", "4000")):
            a = self.with_hosts(*words)
            tap.ok(a.code in (1, 2) and all(n in a.stderr for n in named) and
                   1 <= len(a.stderr.splitlines()) <= 3, f"{what}: a failure, and a line that "
                   "says so", a.explain())
        for words, what, *named in wrong:
            a = self.plain(*words, timeout=10)
            lines = a.stderr.splitlines()
            tap.ok(a.code == 2 and a.stdout == "" and 1 <= len(lines) <= 3 and
                   all(n in a.stderr for n in named),
                   f"{what}: exit 2, and a line that says so", a.explain())


with Tap() as tap, PerfWorld("perf-safety") as world:
    tests = Tests(tap, world)
    tests.refusals()
    tests.redirected()
    tests.accepted()
    tests.usage()
