"""ntsperf ntp, without NTS: chronyd, basic and interleaved; ntpd; noonmarkd. Loss, and a server that
is not there."""

import json
import time

from servers import PerfWorld
from tester import Tester

from harness import SERVER_IF, SERVER_V4, SERVER_V6, Tap, need_clients

need_clients("chrony", "ntpsec")
FAMILIES = (("IPv4", SERVER_V4), ("IPv6", SERVER_V6))


def nft(namespace, *rules):
    """Rules in front of a namespace's sockets, or none."""
    namespace.run("nft", "flush", "ruleset")
    if rules:
        namespace.run("nft", "add", "table", "inet", "t")
        namespace.run("nft", "add", "chain", "inet", "t", "c",
                      "{ type filter hook input priority 0; }")
        for rule in rules:
            namespace.run("nft", "add", "rule", "inet", "t", "c", *rule.split())


with Tap() as tap, PerfWorld("perf-ntp") as world:
    tester = Tester(world)
    server = world.serve_chronyd()
    for family, address in FAMILIES:
        before = server.statistics()
        a = tester.run("ntp", "--rate", 2000, "--duration", "2s", server=address)
        got = server.counted(before)
        tap.ok(a.clean(), f"basic over {family}: all answered, nothing wrong", a.explain())
        tap.equal((got["NTP packets received"], got[server.AUTHENTICATED],
                   got["Interleaved NTP packets"], got["NTS-KE connections accepted"]),
                  (a["sent"], 0, 0, 0), f"over {family} chronyd has counted what was sent")

    a = tester.run("ntp", "--rate", 2, "--duration", "2s")
    tap.ok(a.clean() and a["sent"] == 4 and 1.9 < a["rate"] < 2.1 and
           1.9 < a["answered_rate"] < 2.1, "four requests in two seconds are two a second",
           a.explain())

    before = server.statistics()
    # A client whose next request is due before its reply has come asks for no interleaved one: 200 ms.
    a = tester.run("ntp", "--rate", 50, "--duration", "6s", "--clients", 10, "--interleaved")
    got = server.counted(before)
    tap.ok(a.clean(), "interleaved: all answered, nothing wrong", a.explain())
    tap.equal(got["NTP packets received"], a["sent"], "interleaved: chronyd counts the same")
    tap.equal(a["interleaved"], got["Interleaved NTP packets"],
              "and as many replies are counted interleaved as chronyd has sent")
    tap.ok(got["Interleaved NTP packets"] >= a["sent"] * 0.9,
           "which is nearly all of them", f"{got}\n{a.explain()}")

    # A third of the requests never arrives.
    nft(world.server, "udp dport 123 numgen inc mod 3 0 drop")
    before = server.statistics()
    a = tester.run("ntp", "--rate", 900, "--duration", "2s", "--timeout", "300ms")
    got = server.counted(before)
    nft(world.server)
    tap.ok(abs(a["sent"] + a["not_sent"] - 1800) <= 1 and
           abs(a["lost"] * 3 - a["sent"]) <= 3 and a["answered"] + a["lost"] == a["sent"] and
           abs(a["loss"] - 1 / 3) < 0.001 and not a["wrong"] and not a["late"],
           "each third request lost: exactly a third is", a.explain())
    tap.equal(got["NTP packets received"], a["answered"], "and chronyd has seen the others")

    # Nothing comes back for half of a second: those that wait are lost, the load goes on.
    run = tester.start("ntp", "--rate", 1000, "--duration", "3s", "--timeout", "200ms")
    time.sleep(1.2)
    nft(world.client, "udp sport 123 drop")
    time.sleep(0.5)
    nft(world.client)
    a = run.wait()
    tap.ok(abs(a["sent"] + a["not_sent"] - 3000) <= 1 and 400 <= a["lost"] <= 700 and
           a["answered"] + a["lost"] == a["sent"],
           "an outage of half a second at 1000/s loses about 500: the load does not wait",
           a.explain())

    # More than this machine can: what was sent is what has left, by the kernel's count.
    world.client.run("nft", "-f", "-", input="""table inet t {
        counter left { }
        chain out {
            type filter hook output priority 0;
            udp dport 123 counter name left
        }
    }""")
    before = server.statistics()
    a = tester.run("ntp", "--rate", "2M", "--duration", "500ms")  # no socket does that
    time.sleep(0.5)
    left = json.loads(world.client.run("nft", "-j", "list", "counter", "inet", "t", "left",
                                       stdout=-1).stdout)["nftables"][1]["counter"]["packets"]
    received = server.counted(before)["NTP packets received"]
    nft(world.client)
    tap.ok(a["sent"] == left and a["answered"] + a["late"] <= received <= left and
           abs(a["sent"] + a["not_sent"] - 1000000) <= 1 and not a["wrong"],
           "overload: what is counted as sent has left, the rest is called not sent",
           f"{left} left, {received} received\n{a.explain()}")
    tap.ok(a.limited() and a["tester"]["why"] and a["answered"] + a["lost"] + a["late"] == a["sent"],
           "and the tester says that it was the limit", a.explain())
    world.end(server)

    a = tester.run("ntp", "--rate", 200, "--duration", "1s", "--timeout", "200ms")
    tap.ok(a.code == 1 and a["sent"] and not a["answered"] and a["lost"] == a["sent"] and
           a["loss"] == 1, "no server (ICMP says so): all lost, exit 1", a.explain())
    a = tester.run("ntp", "--rate", 200, "--duration", "1s", "--timeout", "200ms",
                   server="10.123.0.77")
    tap.ok(a.code == 1 and a.seconds < 8 and not a["answered"] and
           a["lost"] + a["not_sent"] > 0,
           "nobody has the address: nothing answered, exit 1", a.explain())
    world.server.ip("link", "set", SERVER_IF, "down")
    a = tester.run("nts", "--rate", 200, "--duration", "1s", timeout=40)
    tap.ok(a.code == 1 and a.nothing() and "10.123.0.1" in a.stderr + a.stdout,
           "no link at all: nts says whom it could not reach, exit 1", a.explain())
    world.server.ip("link", "set", SERVER_IF, "up")
    world.server.ip("addr", "replace", f"{SERVER_V6}/64", "dev", SERVER_IF, "nodad")

    server = world.serve_ntpd()
    for family, address in FAMILIES:
        a = tester.run("ntp", "--rate", 1000, "--duration", "1s", server=address)
        tap.ok(a.clean(), f"ntpd over {family}: all answered, nothing wrong", a.explain())
    world.end(server)

    world.start()
    for family, address in FAMILIES:
        before = world.counters()["answered_plain"]
        a = tester.run("ntp", "--rate", 1000, "--duration", "1s", server=address)
        tap.ok(a.clean() and
               world.counters()["answered_plain"] - before == a["sent"],
               f"noonmarkd over {family}: all answered, as many as it has counted", a.explain())
    tester.ledger(tap)
