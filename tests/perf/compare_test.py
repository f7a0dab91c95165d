"""perf/compare runs all its servers in one run, and what it writes has every figure. No figure is
judged: that is for a full run on a quiet machine. Stopped half way it leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import servers  # noqa: F401 (says where the harness is)
from harness import BUILD, ROOT, Tap, need_clients, wait_for

if os.geteuid() != 0:
    print("1..0 # SKIP compare: needs root, for network namespaces and AF_XDP")
    sys.exit(0)
need_clients("chrony")
OUT = BUILD / "tests" / "compare"
COMMAND = [ROOT / "perf/compare", "--quick", "--duration", "0.5", "--out", OUT]
FIGURES = ("rate", "most", "cpu_whole", "cpu_busy", "softirq_server", "softirq_tester", "cpu_total",
           "ke", "ke_openssl_100", "ke_openssl_1000", "ke_gnutls_100", "ke_gnutls_1000",
           "ke_gnutls_ms", "server_ns", "round_trip_ns")
ALONE = tuple(f"ke_alone_{client}_{rate}" for client in ("openssl", "gnutls") for rate in (100, 1000)) + \
    ("same_20000", "same_20000_ns")
POLLING = ("busy_counter", "departure_ns", "busy_share")


def compare(*options, command=COMMAND):
    return subprocess.run([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=300)


def dpdk_files():
    """What DPDK keeps for root's processes."""
    return set(os.listdir("/run/dpdk")) if os.path.exists("/run/dpdk") else set()


def namespaces(pid):
    """Those of that run: others of this machine may have some, too."""
    return {line.split()[0] for line in
            subprocess.run(["ip", "netns", "list"], stdout=subprocess.PIPE, text=True).stdout
            .splitlines() if re.match(rf"nm-compare\S*-{pid}-", line)}


def check_figures(tap, report):
    measured = report["summary"]["servers"]
    tap.equal(list(measured), ["memif", "xdp", "chronyd"], "all three servers were measured")
    for key, got in measured.items():
        wanted = FIGURES + (POLLING if key != "chronyd" else ()) + (ALONE if key != "memif" else ())
        lacking = [name for name in wanted if not got[name] or got[name]["median"] is None]
        tap.ok(not lacking, f"{key} has every figure", f"not {lacking}: {report['rounds']}")
        tap.equal(got["wrong"], 0, f"no reply of {key} was wrong")
    tap.ok(all(report["summary"]["ratios"][key][name]["median"] > 0 for key in ("memif", "xdp")
               for name in ("rate", "cpu_total", "ke", "ke_gnutls_1000")), "ratios to chronyd are there")
    tap.ok(report["summary"]["ratios"]["xdp"]["ke_alone_openssl_1000"]["median"] > 0,
           "also where NTS-KE has the CPU alone on both sides")
    tap.ok(report["summary"]["ratios"]["xdp"]["same_20000"]["median"] > 0, "and where both may sleep")
    tap.ok(report["machine"]["cpu"] and os.uname().nodename not in json.dumps(report["machine"]),
           "the machine is described without its name")


def check_files(tap, report):
    text = (OUT / "RESULTS.md").read_text()
    tap.ok("<!-- begin compare -->" in text and "<!-- end compare -->" in text and
           "noonmarkd, AF_XDP" in text and report["machine"]["cpu"] in text and
           "perf/compare --quick" in text,
           "RESULTS.md has its section, the machine and the command", text)
    tap.equal(json.loads((OUT / "results.json").read_text()), report,
              "results.json is what --json prints")
    tap.ok("<html" in (OUT / "report.html").read_text()[:300], "the HTML report is written")


def check_usage(tap):
    for options, word in (["--only", "ntpd"], "--only ntpd"), (["--duration", "0"], "0.3 to 600"), \
            (["--fast"], "--fast"):
        got = compare(*options, command=[ROOT / "perf/compare"])
        tap.ok(got.returncode == 2 and word in got.stderr, f"{' '.join(options)} is a usage error",
               got.stderr)
    got = compare("--help", command=[ROOT / "perf/compare"])
    tap.ok(got.returncode == 0 and "--only" in got.stdout and "chronyd" in got.stdout, "--help")


def check_stop(tap):
    """As a terminal does it: all that it runs gets the signal too, and more than once."""
    running = subprocess.Popen([*COMMAND, "--only", "xdp"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        tap.ok(wait_for(lambda: len(namespaces(running.pid)) == 2, 20), "it makes two namespaces")
        time.sleep(3)  # into its first loads
        for _ in range(2):
            os.killpg(running.pid, signal.SIGINT)
        errors = running.communicate(timeout=60)[1]
    finally:
        running.kill()
        running.wait()
    tap.ok(running.returncode == 1 and "stopped" in errors, "Ctrl-C ends it", errors)
    tap.equal(namespaces(running.pid), set(), "and no namespace is left")


with Tap() as tap:
    check_usage(tap)
    had = dpdk_files()
    got = compare("--json")
    if got.returncode != 0:  # a machine that others use too may have spoilt a load
        tap.note(got.stderr)
        got = compare("--json")
    if tap.ok(got.returncode == 0, "a short run of everything", got.stderr):
        report = json.loads(got.stdout)
        check_figures(tap, report)
        check_files(tap, report)
        tap.ok({"one", "two"} <= set(report["summary"]["cores"]), "one server core and two")
    tap.equal(dpdk_files() - had, set(), "no tester left a directory of DPDK's")
    check_stop(tap)
