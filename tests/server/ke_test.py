"""NTS-KE, rule by rule (checklist, sections 1 to 4), against the real server."""

import contextlib
import os
import socket
import time

from harness import (KE_PORT, SERVER_NAME, SERVER_V4, SERVER_V6, Stopwatch, Tap, World, wait_for)
from probe import AEAD, END, PROTOCOL, Probe, explain, numbers, record, types

DEADLINE = 1.0
LIMIT = 4096  # octets of a request that this server reads
GOOD = PROTOCOL + AEAD + END
CLOSED_WELL = "close_notify+fin"


def error(code):
    return bytes((0x80, 2, 0, 2, 0, code, 0x80, 0, 0, 0)).hex()


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.probe = tap, world, Probe(world)

    # what an exchange came to

    def good(self, answer):
        return (answer["failure"] == "" and answer["well_formed"] and answer["error"] == -1
                and answer["aead"] == 15 and len(answer["cookies"]) == 8
                and answer["ended"] == CLOSED_WELL)

    def succeeds(self, text, request=None, *arguments, **options):
        answer = self.probe.ke(request, *arguments, **options)
        self.tap.ok(self.good(answer), text, explain(answer))
        return answer

    def refuses(self, code, text, request, *arguments, **options):
        """KE-7: an Error record and End of Message, nothing else; then an orderly end."""
        answer = self.probe.ke(request, *arguments, **options)
        self.tap.ok(answer["response"] == error(code) and answer["ended"] == CLOSED_WELL,
                    f"KE-7, {text}: Error {code}", explain(answer))
        return answer

    def fails(self, alert, text, *arguments):
        answer = self.probe.ke(None, *arguments)
        self.tap.ok(answer["failure"] != "" and alert in answer["alerts"] and
                    answer["response"] == "", text, explain(answer))

    # section 1

    def tls(self):
        tap, probe = self.tap, self.probe
        for version in ("1.0", "1.1", "1.2"):
            self.fails(70, f"TLS-1: a client of TLS {version} gets the alert protocol_version",
                       "--tls-min", version, "--tls-max", version)
        answer = self.succeeds("TLS-1: TLS 1.0 to 1.3 offered", None, "--tls-min", "1.0")
        tap.equal(answer["tls"], "TLSv1.3", "TLS-1: TLS 1.3 is chosen")
        for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                      "TLS_CHACHA20_POLY1305_SHA256"):
            self.succeeds(f"TLS-2: {suite}", None, "--suites", suite)
        self.fails(40, "TLS-2: a suite with a short tag is refused",
                   "--suites", "TLS_AES_128_CCM_8_SHA256")
        for group in ("X25519", "P-256"):
            self.succeeds(f"TLS-2: group {group}", None, "--groups", group)
        self.fails(40, "TLS-2: group P-384 alone is refused", "--groups", "P-384")

        for offer in ("ntske/1", "h2,ntske/1", "ntske/1,h2", "x,y,z,ntske/1"):
            answer = self.succeeds(f"TLS-3: ALPN {offer}", None, "--alpn", offer)
            tap.equal(answer["alpn"], "ntske/1", f"TLS-3: {offer}: ntske/1 is echoed")
        for offer in ("h2", "ntske/2", "ntske/11", "ntske", "NTSKE/1"):
            self.fails(120, f"TLS-3: ALPN {offer} alone: no_application_protocol",
                       "--alpn", offer)
        answer = probe.ke(None, "--alpn", "")
        tap.ok(answer["response"] == "" and answer["ended"] == CLOSED_WELL,
               "TLS-3: a client without ALPN is refused: no octet of NTS-KE (decision 1)",
               explain(answer))

        for name in (SERVER_NAME, SERVER_V4):
            self.succeeds(f"TLS-4: the certificate holds for {name}", None, *probe.trust(name))
        self.succeeds(f"TLS-4, TLS-7: and for {SERVER_V6}", None, *probe.trust(SERVER_V6),
                      address=SERVER_V6)
        answer = probe.ke(None, *probe.trust("other.test"))
        tap.equal(answer["failure"], "handshake", "TLS-4: and for no other name")

        answer = self.succeeds("TLS-5: a plain exchange")
        tap.equal((answer["tickets"], answer["resumed"], answer["certificate_asked"]),
                  (0, False, False), "TLS-5: no ticket, no resumption, no client certificate")
        answer = self.succeeds("TLS-5: an unknown pre-shared key ends in a full handshake", None,
                               "--psk")
        tap.equal(answer["resumed"], False, "TLS-5: and resumes nothing")
        answer = self.succeeds("TLS-5: early data is not taken", None, "--early")
        tap.equal(answer["early"], "rejected", "TLS-5: but rejected")

    def closing(self):
        tap = self.tap
        for then in ("wait", "notify", "fin"):
            answer = self.succeeds(f"TLS-6: the client's way to end is {then}", None,
                                   "--then", then)
            tap.ok(answer["alerts"] == [0] and answer["total_ms"] < 1000,
                   f"TLS-6: {then}: one close_notify, and nothing is waited for", explain(answer))
        for junk in (1, 1000, 12000, 100000):
            self.succeeds(f"TLS-6, REC-0: {junk} octets after End of Message: no RST, the whole "
                          "response (decision 11)", None, "--junk", str(junk))
        answer = self.succeeds("TLS-6: a client that is slow to read", None, "--read-ms", "500")
        for then in ("close", "reset"):
            for _ in range(5):
                self.probe.ke(None, "--then", then)
        self.succeeds("TLS-6: clients that went away without reading do no harm")

    # section 2

    def framing(self):
        tap = self.tap
        answer = self.succeeds("KE-1: two requests in one go", GOOD + GOOD)
        tap.equal(types(answer).count(0), 1, "KE-1: one response")

        filler = 1024 - len(GOOD) - 4
        self.succeeds("KE-2: a request of exactly 1024 octets",
                      PROTOCOL + AEAD + record(2000, bytes(filler), False) + END)
        filler = LIMIT - len(GOOD) - 4
        self.succeeds(f"KE-2: and one of {LIMIT}",
                      PROTOCOL + AEAD + record(2000, bytes(filler), False) + END)
        self.refuses(1, f"KE-2: one of {LIMIT + 1}",
                     PROTOCOL + AEAD + record(2000, bytes(filler + 1), False) + END)
        self.refuses(1, "KE-2: one of 60,000", PROTOCOL + record(2000, bytes(60000), False) +
                     AEAD + END)

        want = None
        for chunk in (1, 2, 3, 5):
            answer = self.succeeds(f"KE-3: {chunk} octets a TLS record", None, "--chunk",
                                   str(chunk))
            want = want or types(answer)
            tap.equal(types(answer), want, "KE-3: the same answer")
        wrong = [at for at in range(1, len(GOOD))
                 if not self.good(self.probe.ke(None, "--split", str(at)))]
        tap.equal(wrong, [], "KE-3: split at any one place")
        self.succeeds("KE-3: in TCP segments of 88 octets, one octet a record", None,
                      "--mss", "88", "--chunk", "1")
        self.succeeds("KE-3: with a pause after each octet", None, "--chunk", "1", "--chunk-ms",
                      "20")

        for size in (0, 1, 1000):
            self.succeeds(f"KE-4: an unknown record of {size} octets, not critical",
                          record(2000, bytes(size), False) + GOOD)
            answer = self.refuses(0, f"KE-4: an unknown critical record of {size} octets",
                                  record(2000, bytes(size)) + GOOD)
            tap.equal(answer["cookies"], [], "KE-4: and no cookie")
        unknown = [*range(8, 16), 1023, 1025, *range(0x4000, 0x4006), 0x7fff]
        wrong = [kind for kind in unknown
                 if not self.good(self.probe.ke(record(kind, b"", False) + GOOD))
                 or self.probe.ke(record(kind) + GOOD)["response"] != error(0)]
        tap.equal(wrong, [], "KE-4: the pool drafts' records and other unknown ones likewise")
        self.refuses(0, "KE-4: a critical one behind the mandatory ones",
                     PROTOCOL + AEAD + record(2000) + END)
        self.succeeds("KE-4: what stands behind End of Message is not looked at",
                      GOOD + record(2000) + END)

        for code, what, request in (
                (0, "unknown critical, then no AEAD record", record(2000) + PROTOCOL + END),
                (0, "no AEAD record, then unknown critical", PROTOCOL + record(2000) + END),
                (0, "unknown critical and two protocol records",
                 PROTOCOL + PROTOCOL + AEAD + record(2000) + END),
                (1, "unknown critical and End of Message with a body",
                 record(2000) + PROTOCOL + AEAD + record(0, b"x")),
                (1, "unknown critical and an End of Message that is not critical",
                 record(2000) + PROTOCOL + AEAD + record(0, b"", False))):
            self.refuses(code, f"KE-8: {what}", request)

        answer = self.succeeds("KE-9: a plain exchange")
        tap.ok(answer["tls_records"] == 1 and len(answer["response"]) // 2 <= 2048,
               "KE-9: the response is one TLS record of at most 2048 octets", explain(answer))

    def deadlines(self):
        tap = self.tap

        def in_time(answer):
            return DEADLINE - 0.5 < answer["total_ms"] / 1000 < DEADLINE + 1

        for stop in (0, 3, 4, 6, 15):
            answer = self.refuses(1, f"KE-5: {stop} octets of a request, then silence (decision 7)",
                                  None, "--stop-at", str(stop))
            tap.ok(in_time(answer), f"KE-5, KE-10: {stop} octets: when the deadline passes",
                   explain(answer))
        answer = self.refuses(1, "KE-10: an octet now and then", GOOD[:-1] + bytes(100),
                              "--stop-at", "15", "--chunk", "1", "--chunk-ms", "150")
        tap.ok(answer["total_ms"] / 1000 < 15 * 0.15 + 1, "KE-10: is no way around the deadline",
               explain(answer))
        # End of input without End of Message can no longer become a request.
        for stop in (0, 5, 12, 15):
            answer = self.refuses(1, f"KE-5: {stop} octets, then the client closes its side", None,
                                  "--stop-at", str(stop), "--then", "fin")

        for what, first in (("nothing at all", b""), ("half a ClientHello",
                            bytes.fromhex("16030100c8010000c40303") + bytes(60))):
            with self.world.client.socket(kind=socket.SOCK_STREAM) as s:
                s.connect((SERVER_V4, KE_PORT))
                s.settimeout(DEADLINE + 30)
                watch = Stopwatch()
                s.sendall(first)
                try:
                    end = s.recv(100)
                except OSError as e:
                    end = e
                took, in_time = watch.took(), watch.within(DEADLINE + 1)
            tap.ok(end == b"" and DEADLINE - 0.5 < took and in_time,
                   f"KE-10, F17: {what}, then silence: cut at the deadline", f"{took:.2f} s: {end!r}")
        for what, first in (("HTTP", b"GET / HTTP/1.0\r\n\r\n"), ("zeros", bytes(4000)),
                            ("random octets", os.urandom(4000))):
            with self.world.client.socket(kind=socket.SOCK_STREAM) as s:
                s.connect((SERVER_V4, KE_PORT))
                s.settimeout(DEADLINE + 3)
                with contextlib.suppress(OSError):
                    s.sendall(first)
                    while s.recv(4096):
                        pass
        self.succeeds("KE-10: after HTTP, zeros and noise on the port it still serves")
        self.succeeds("TLS-5: two key updates are borne", None, "--updates", "2")
        self.refuses(1, "TLS-5: a third one is not", None, "--updates", "3")
        self.succeeds("TLS-5: and it still serves")

    # section 3

    def records(self):
        tap, probe = self.tap, self.probe
        for what, request in (
                ("End of Message with a body", PROTOCOL + AEAD + record(0, b"\0\0")),
                ("End of Message not critical", PROTOCOL + AEAD + record(0, b"", False)),
                ("nothing but End of Message", END)):
            self.refuses(1, f"REC-0: {what}", request)
        for what, body in (
                ("absent", b""), ("twice", PROTOCOL * 2), ("empty", record(1)),
                ("of odd length", record(1, b"\0")), ("of three octets", record(1, bytes(3))),
                ("not critical", record(1, numbers(0), False))):
            self.refuses(1, f"REC-1: Next Protocol {what}", body + AEAD + END)
        for ids in ((1,), (0x8001,), (1, 0x8001, 0xffff)):
            answer = probe.ke(record(1, numbers(*ids)) + AEAD + END)
            tap.equal(answer["response"], (record(1) + END).hex(),
                      f"REC-1b: protocols {ids}: an empty list, no AEAD, no cookies")
            answer = probe.ke(record(1, numbers(*ids)) + END)
            tap.equal(answer["response"], (record(1) + END).hex(),
                      f"REC-1b, REC-4: protocols {ids} without an AEAD record: likewise")
        for ids in ((0x8001, 0), (0, 1), (0, 0)):
            answer = self.succeeds(f"REC-1b: protocols {ids}", record(1, numbers(*ids)) + AEAD +
                                   END)
            tap.equal(answer["records"][0], {"critical": True, "type": 1, "body": "0000"},
                      "REC-1b: NTPv4 is chosen")
        for kind, name, body in ((2, "Error", numbers(1)), (3, "Warning", numbers(0)),
                                 (5, "New Cookie", bytes(100))):
            for critical in (False, True):
                self.refuses(1, f"REC-2, REC-3, REC-5: the client sends {name}, "
                             f"{'critical' if critical else 'not critical'}",
                             record(kind, body, critical) + GOOD)
        for what, body in (
                ("absent", b""), ("twice", AEAD * 2), ("empty", record(4)),
                ("of odd length", record(4, b"\0\x0f\0"))):
            self.refuses(1, f"REC-4: AEAD record {what}", PROTOCOL + body + END)
        for ids in ((31,), (1,), (65535,), (31, 1, 65535), (30,), (16,), (17,)):
            answer = probe.ke(PROTOCOL + record(4, numbers(*ids)) + END)
            tap.equal((answer["response"][12:20], answer["cookies"], answer["ended"]),
                      ((record(4)[:4].hex()), [], CLOSED_WELL),
                      f"REC-4: AEADs {ids}: an empty record, no cookies (decision 2)")
        for ids in ((1, 15), (15, 1), (15, 15), (30, 15), (17, 16, 15), tuple(range(100, 199)) + (15,)):
            answer = self.succeeds(f"REC-4, REC-4b: AEADs {ids[:4]}, {len(ids)} in all",
                                   PROTOCOL + record(4, numbers(*ids)) + END)
        self.succeeds("REC-4: the AEAD record may be not critical",
                      PROTOCOL + record(4, numbers(15), False) + END)
        self.succeeds("REC-9: records in another order", AEAD + PROTOCOL + END)

        answer = self.succeeds("REC-5b: a plain exchange")
        cookies = answer["cookies"]
        tap.ok(len(set(cookies)) == 8 and {len(c) for c in cookies} == {200},
               "REC-5b: eight distinct cookies of 100 octets", [len(c) for c in cookies])
        tap.ok(all(not r["critical"] for r in answer["records"] if r["type"] == 5),
               "REC-5b: none of them critical")
        tap.equal(types(answer), [1, 4, 5, 5, 5, 5, 5, 5, 5, 5, 0],
                  "REC-9, REC-7, REC-8: the order of records; none for port 123, none unasked")
        tap.ok(answer["response"].startswith("80010002000080040002000f0005006") or
               answer["response"].startswith("80010002000000040002000f00050064"),
               "REC-9: golden octets at the start", answer["response"][:40])
        tap.ok(answer["response"].endswith("80000000"), "REC-9: and at the end")
        tap.ok(len({c[:8] for c in cookies}) == 1 and
               all(a not in "".join(cookies) for a in (answer["c2s"], answer["s2c"])),
               "CK-1: one key id; the keys do not stand in the clear")

        for ids, asked in (((30, 15), True), ((15,), True), ((30, 15), False)):
            ask = record(1024, b"", False) if asked else b""
            answer = self.succeeds(f"EXP-4: AEADs {ids}{', record 1024' if asked else ''}: 15",
                                   PROTOCOL + record(4, numbers(*ids)) + ask + END)
            tap.ok(1024 not in types(answer), "EXP-4, REC-8: and no echo of record 1024")

    def names(self):
        """REC-6: where NTP is."""
        answer = self.succeeds("REC-6: no name is configured")
        self.tap.equal(answer["server"], "", "REC-6: NTP is where KE is, and nothing is said")
        for name in (SERVER_NAME, "other.test", "192.0.2.9"):
            answer = self.succeeds(f"REC-6: the client asks for {name}",
                                   PROTOCOL + AEAD + record(6, name.encode(), False) + END)
            self.tap.ok(answer["server"] in ("", SERVER_NAME), "REC-6: a name not served here is "
                        "not echoed", explain(answer))
        self.refuses(1, "REC-6: two Server records",
                     PROTOCOL + AEAD + record(6, b"a.test", False) * 2 + END)
        answer = self.succeeds("REC-7: the client asks for a port",
                               PROTOCOL + AEAD + record(7, numbers(8123), False) + END)
        self.tap.ok(7 not in types(answer), "REC-7: and gets no other than 123", explain(answer))

    # faults.md, sections 2 and 5

    def crowds(self):
        tap, world = self.tap, self.world
        ke = world.children()["ke"]
        idle = []
        for _ in range(300):
            s = world.client.socket(kind=socket.SOCK_STREAM)
            s.setblocking(False)
            s.connect_ex((SERVER_V4, KE_PORT))
            idle.append(s)
        time.sleep(DEADLINE + 1)
        self.succeeds("CVE-2024-38528, F18: after 300 idle connections it serves")
        for s in idle:
            s.close()
        tap.equal(world.children().get("ke"), ke, "CVE-2024-38528: ke lives on")
        # Each cut off at every octet: no loop that spins at an early end.
        before = cpu_seconds(ke)
        for stop in range(16):
            self.probe.ke(None, "--stop-at", str(stop), "--then", "close")
        time.sleep(DEADLINE + 0.5)
        spent = cpu_seconds(ke) - before
        tap.ok(spent < 1, "KE-5: an early end at any octet costs no spinning", f"{spent:.2f} s")
        before = memory(ke)
        self.probe.run("ke", "--address", SERVER_V4, "--port", KE_PORT, "--count", "300",
                       timeout=60)
        grown = memory(ke) - before
        tap.ok(grown < 2048, "CVE-2024-2511, F18: 300 more exchanges do not make it grow",
               f"{grown} KiB")
        tap.equal(world.children().get("ke"), ke, "P2: ke has never died")
        log = world.noonmarkd.log.read_text(errors="replace")
        answer = self.probe.ke()
        tap.ok(not any(secret in log for secret in (answer["c2s"], answer["s2c"],
                                                    *answer["cookies"])),
               "P6: no key and no cookie in the log")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def another_port(tap, world):
    """REC-7, REC-6b: NTP on 8123, and under a name."""
    world.configure(deadline=f"{DEADLINE:.0f}s", ntp_server=SERVER_NAME)
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace("dataplane:\n", "dataplane:\n  udp_port: 8123\n",
                                                1))
    world.start(wait=False)
    probe = Probe(world)
    wait_for(lambda: world.sntp(port=8123, timeout=0.1), 20)
    answer = wait_for(lambda: world.answers_ke() and probe.ke(), 10)
    tap.equal((answer["server"], answer["ntp_port"]), (SERVER_NAME, 8123),
              "REC-6b, REC-7: name and port of the configuration")
    tap.ok(all(r["type"] != 7 or len(r["body"]) == 4 for r in answer["records"]),
           "REC-7: the port is two octets")
    tap.ok(len(answer["server"]) <= 99 and answer["server"].isprintable(),
           "REC-6: the name is one that every client takes")
    lines = probe.nts("--ntp-address", SERVER_V4)
    tap.equal([line["verdict"] for line in lines], ["authenticated"],
              "REC-7: and the cookies are good there")
    world.stop()


with Tap() as tap, World("ke") as world:
    world.configure(deadline=f"{DEADLINE:.0f}s", max_connections=400)
    world.start()
    tests = Tests(tap, world)
    tests.tls()
    tests.closing()
    tests.framing()
    tests.deadlines()
    tests.records()
    tests.names()
    tests.crowds()
    world.stop()
    another_port(tap, world)
