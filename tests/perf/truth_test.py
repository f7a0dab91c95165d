"""perf/truth measures all servers in all situations, and its arithmetic is right: the log's sign, the
exchanges found in packets, percentiles. No figure of a server is judged: that is for a full run.
Stopped half way it leaves nothing behind."""

import json
import os
import re
import signal
import struct
import subprocess
import sys

import servers  # noqa: F401 (says where the harness is)
from harness import BUILD, ROOT, Tap, need_clients, wait_for

sys.path.insert(0, str(ROOT / "perf/comparison"))
import cpu  # noqa: E402
import exchanges  # noqa: E402

if os.geteuid() != 0:
    print("1..0 # SKIP truth: needs root, for network namespaces and AF_XDP")
    sys.exit(0)
need_clients("chrony")
OUT = BUILD / "tests" / "truth"
COMMAND = [ROOT / "perf/truth", "--quick", "--duration", "1", "--out", OUT]
SITUATIONS = {"xdp": {"unloaded", "stopped", "loaded"},
              "xdp-xleave": {"unloaded", "stopped", "loaded"}, "xdp-xleave-2": {"unloaded"}, "chronyd": {"unloaded", "stopped", "loaded"},
              "xleave": {"unloaded", "loaded"}}
LAST_CPU = max(os.sched_getaffinity(0))

# A clock that is slow by 3 us, then a reply that fails test 2, then one in interleaved mode that
# chronyd would not use, then a stamp of chronyd's own.
LOG = """\
2026-11-28 18:16:13 10.123.0.1      N  1 111 111 1111  -6 -6 0.81  3.000e-06  9.220e-06  1.457e-07  0.000e+00  0.000e+00 7F7F0101 4B K K
2026-11-28 18:16:13 10.123.0.1      N  1 101 111 1111  -6 -6 0.81 -2.263e-06  9.220e-06  1.457e-07  0.000e+00  0.000e+00 7F7F0101 4B K K
2026-11-28 18:16:14 10.123.0.1      N  1 111 111 1101  -6 -6 1.00 -4.000e-03  2.000e-03  3.390e-08  0.000e+00  0.000e+00 7F7F0101 4I K K
2026-11-28 18:16:14 10.123.0.1      N  1 111 111 1111  -6 -6 1.00  0.000e+00  1.720e-07  3.390e-08  0.000e+00  0.000e+00 7F7F0101 4B D K
"""

EPOCH_NS = 1_800_000_000_000_000_000


def stamp(us):
    """An NTP timestamp, so many microseconds after EPOCH_NS."""
    seconds, ns = divmod(EPOCH_NS + us * 1000, 1_000_000_000)
    return (seconds + exchanges.UNIX_EPOCH << 32) + -(-(ns << 32) // 1_000_000_000)


def packet(at_us, origin=0, receive=0, transmit=0):
    return exchanges.Packet(EPOCH_NS + at_us * 1000,
                            bytes(24) + struct.pack(">QQQ", origin, receive, transmit))


def row(offset_us, delay_us, mode="B"):
    return exchanges.Logged(offset_us * 1000, delay_us * 1000, True, mode == "I", True)


def check_log(tap):
    rows = exchanges.read_log(LOG)
    tap.equal([(round(r.offset_ns), round(r.delay_ns), r.valid, r.interleaved, r.kernel_stamps)
               for r in rows],
              [(3000, 9220, True, False, True), (-2263, 9220, False, False, True),
               (-4_000_000, 2_000_000, True, True, True), (0, 172, True, False, False)],
              "a log is read: sign, tests, mode, sources")
    tap.equal([r.contained() for r in rows], [True, True, False, True], "contained or not")


def check_basic(tap):
    """T1 = 0, T2 = 10, T3 = 12, T4 = 14 us: the offset is (10 - 2) / 2. Then T3 = 30: it is after
    T4, the delay is -6 us, and chronyd logs 6. A third reply comes after the next request."""
    matcher = exchanges.Matcher()
    for at, receive, transmit, back in (0, 10, 12, 14), (100, 110, 130, 114):
        matcher.request(packet(at, transmit=at + 7))
        matcher.reply(packet(back, origin=at + 7, receive=stamp(receive), transmit=stamp(transmit)))
    matcher.request(packet(200, transmit=207))
    matcher.request(packet(300, transmit=307))
    matcher.reply(packet(301, origin=207, receive=stamp(201), transmit=stamp(202)))
    matcher.reply(packet(314, origin=307, receive=stamp(310), transmit=stamp(312)))
    found = [exchange for _, exchange in matcher.replies]
    tap.equal([e and e.back_ns for e in found], [2000, -16000, None, 2000],
              "T4-T3 of each reply, but not of one that comes too late")
    tap.equal((found[0].there_ns(4000), found[1].there_ns(13000)), (10000, 10000),
              "T2-T1 from the offset: half of (T2-T1) - (T4-T3)")
    tap.ok(row(4, 12).agrees(found[0]) and not row(-4, 12).agrees(found[0]),
           "the log agrees with the packets; with the other sign it would not")
    tap.ok(row(13, 6).agrees(found[1]) and not row(13, 6).contained(),
           "a negative delay, logged as a positive one, agrees and does not contain the truth")
    tap.equal(len(exchanges.pair([row(4, 12)] * 3, matcher.replies, False, EPOCH_NS,
                                 EPOCH_NS + 114_001)), 2, "replies of a time are chosen")


def check_interleaved(tap):
    """Each reply has the transmit timestamp of the one before. T1 is 0, 100 and 200 us."""
    matcher = exchanges.Matcher()
    matcher.request(packet(0, transmit=7))
    matcher.reply(packet(14, origin=7, receive=stamp(10), transmit=stamp(11)))
    for at, before in (100, 0), (200, 100):
        matcher.request(packet(at, origin=stamp(before + 10), receive=at + 3, transmit=at + 7))
        matcher.reply(packet(at + 14, origin=at + 3, receive=stamp(at + 10),
                             transmit=stamp(before + 13)))
    found = [exchange for _, exchange in matcher.replies]
    tap.equal([e.back_ns for e in found], [3000, 1000, 1000],
              "interleaved: T4-T3 is of the exchange before")
    tap.equal([(at - EPOCH_NS) // 1000 for at, _ in matcher.replies], [14, 114, 214],
              "but each stands where its reply came")


def check_figures(tap):
    matcher = exchanges.Matcher()
    for i in range(200):
        matcher.request(packet(i * 100, transmit=i + 1))
        matcher.reply(packet(i * 100 + 50, origin=i + 1, receive=stamp(0), transmit=stamp(
            i * 100 + 50 - i)))  # T4-T3 is 0 to 199 us
    pairs = [(row(-i, 2), exchange) for i, (_, exchange) in enumerate(matcher.replies)]
    got = exchanges.figures(pairs)
    tap.equal([got[name] for name in ("exchanges", "offset_p50", "offset_p99", "offset_max")],
              [200, 99, 197, 199], "percentiles of the offset")
    tap.equal([got[name] for name in ("back_p50", "back_p1", "back_min", "late")], [99, 1, 0, 0],
              "of T4-T3")
    tap.equal([got[name] for name in ("there_p50", "there_p1", "there_min", "early")],
              [-100, -198, -199, 198], "of T2-T1")
    tap.equal(got["uncontained"], 197, "offsets beyond half of the delay and 1 us")


def truth(*options, command=COMMAND):
    return subprocess.run([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=200)


def check_report(tap, report):
    measured = report["summary"]
    tap.equal({server: set(got) for server, got in measured.items()}, SITUATIONS,
              "all servers were measured in all situations")
    for server, situations in measured.items():
        for situation, got in situations.items():
            what = f"{server}, {situation}"
            tap.ok(got["exchanges"] >= 20 and got["exchanges"] <= got["requests"],
                   f"{what}: exchanges were measured", got)
            tap.ok(0 < got["share"] <= 1 and got["back_min"] <= got["back_p1"] <= got["back_p50"]
                   and 0 <= got["offset_p50"] <= got["offset_p99"] <= got["offset_max"],
                   f"{what}: the figures are in order", got)
            tap.equal(situation == "stopped", got["stopped"] > 0.01, f"{what}: stops on purpose")
            if situation == "loaded":
                tap.ok(got["sent_rate"] > 10_000, f"{what}: the load was sent", got)
            if server != "xdp":  # it reads the clock after a request came, before a reply leaves
                tap.equal((got["early"], got["late"]), (0, 0), f"{what}: its timestamps are true")


def check_files(tap, report):
    text = (OUT / "RESULTS.md").read_text()
    tap.ok("<!-- begin truth -->" in text and "<!-- end truth -->" in text and
           "noonmarkd, AF_XDP, unloaded" in text and report["machine"]["cpu"] in text and
           "perf/truth --quick" in text,
           "RESULTS.md has its section, the machine and the command", text)
    tap.equal(json.loads((OUT / "results.json").read_text()), report,
              "results.json is what --json prints")


def check_usage(tap):
    for options, word in (["--only", "ntpd"], "--only ntpd"), (["--duration", "0"], "0.3 to 600"), \
            (["--fast"], "--fast"):
        got = truth(*options, command=[ROOT / "perf/truth"])
        tap.ok(got.returncode == 2 and word in got.stderr, f"{' '.join(options)} is a usage error",
               got.stderr)
    got = truth("--help", command=[ROOT / "perf/truth"])
    tap.ok(got.returncode == 0 and "--only" in got.stdout and "xleave" in got.stdout, "--help")


def left_over(pid):
    """Namespaces of that run, and the policy of the softirq thread of the server's CPU."""
    listed = subprocess.run(["ip", "netns", "list"], stdout=subprocess.PIPE, text=True).stdout
    thread = cpu.ksoftirqd(LAST_CPU)
    return {line.split()[0] for line in listed.splitlines() if re.match(rf"nm-truth\S*-{pid}-", line)}, \
        os.sched_getscheduler(thread) if thread else None


def check_stop(tap):
    scheduler = left_over(os.getpid())[1]
    running = subprocess.Popen([*COMMAND, "--only", "chronyd,stopped", "--duration", "60"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    try:
        log = BUILD / "worlds/truth-chronyd/stops.log"
        log.unlink(missing_ok=True)
        tap.ok(wait_for(log.exists, 40), "it stops the server's core", running.poll())
        tap.ok(left_over(running.pid)[0], "in namespaces of its own")
        for _ in range(2):
            os.killpg(running.pid, signal.SIGINT)
        errors = running.communicate(timeout=60)[1]
    finally:
        running.kill()
        running.wait()
    tap.ok(running.returncode == 1 and "stopped; nothing" in errors, "Ctrl-C ends it", errors)
    tap.equal(left_over(running.pid), (set(), scheduler), "no namespace is left, and the softirq thread is as it was")


with Tap() as tap:
    check_log(tap)
    check_basic(tap)
    check_interleaved(tap)
    check_figures(tap)
    check_usage(tap)
    got = truth("--json")
    if got.returncode != 0:  # a machine that others use too may have spoilt a measurement
        tap.note(got.stderr)
        got = truth("--json")
    if tap.ok(got.returncode == 0, "a short run of everything", got.stderr):
        report = json.loads(got.stdout)
        check_report(tap, report)
        check_files(tap, report)
    check_stop(tap)
