"""The alerts for Prometheus: each fires on what it is for, and none on a server that is well; all metrics that they
and the dashboard name are in the manual. promtool computes them, from counters that are made up here."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "etc/prometheus/noonmark.rules.yml"
DASHBOARD = ROOT / "etc/grafana/noonmark.json"
MANUAL = ROOT / "man/noonmark-metrics.7"
PROMTOOL = pathlib.Path(os.environ.get("NOONMARK_CLIENTS", ROOT / "build/clients")) / "promtool/usr/bin/promtool"
SAMPLES = 60  # one a minute
AT = "30m"
DAY = 86400

# What Prometheus has of a server that is well: a start and an increase a minute, or a list of numbers.
WELL = {
    "up": (1, 0),
    'noonmark_process_heartbeat_age_seconds{process="control"}': (0.1, 0),
    'noonmark_process_starts_total{process="dataplane"}': (2, 0),
    'noonmark_clock_unhealthy{reason="stale"}': (0, 0),
    "noonmark_clock_healthy": (1, 0),
    "noonmark_clock_synchronised": (1, 0),
    "noonmark_clock_error_bound_seconds": (0.00001, 0),
    "noonmark_clock_steps_total": (1, 0),
    "noonmark_leap_list_bad": (0, 0),
    "noonmark_smear_lost": (0, 0),
    'noonmark_certificate_expiry_timestamp_seconds{chain="/c.pem"}': (60 * DAY, 0),
    "noonmark_keys_failing": (0, 0),
    'noonmark_fleet_info{fingerprint="9c1f0a3b"}': (1, 0),
    "noonmark_fleet_end_timestamp_seconds": (60 * DAY, 0),
    "noonmark_fleet_document_refused": (0, 0),
    "noonmark_etcd_current": (1, 0),
    'noonmark_ntp_dropped_total{core="0",cpu="1",reason="version"}': (0, 600),
    'noonmark_ntp_dropped_total{core="0",cpu="1",reason="stale"}': (5, 0),
    'noonmark_ntp_dropped_total{core="0",cpu="1",reason="longer"}': (0, 0),
    'noonmark_ntp_frames_total{core="0",cpu="1"}': (0, 60000),
    'noonmark_port_missed_frames_total{port="eth0"}': (0, 1),
    'noonmark_port_link_up{port="eth0"}': (1, 0),
    'noonmark_port_addresses_not_steered{port="eth0"}': (0, 0),
    'noonmark_core_busy_ticks_total{core="0",cpu="1"}': (0, 6e10),
    "noonmark_tsc_hertz": (2e9, 0),
    'noonmark_port_frames_total{port="eth0",stamp="yes"}': (0, 60000),
    'noonmark_port_frames_total{port="eth0",stamp="no"}': (0, 60),
    'noonmark_ntp_departure_error_seconds_bucket{core="0",cpu="1",le="0.0"}': (0, 59999),
    'noonmark_ntp_departure_error_seconds_bucket{core="0",cpu="1",le="+Inf"}': (0, 60000),
    'noonmark_ntp_naks_total{core="0",cpu="1",cause="unknown_key"}': (0, 60),
    'noonmark_ntp_replies_total{core="0",cpu="1",kind="nts"}': (0, 30000),
    'noonmark_ntp_replies_total{core="0",cpu="1",kind="nak"}': (0, 60),
    'noonmark_ke_paused_total{cause="full"}': (0, 0),
    'noonmark_ke_ended_total{how="completed"}': (0, 6000),
    'noonmark_ke_ended_total{how="late_handshake"}': (0, 60),
    'noonmark_log_lines_lost_total{process="ke"}': (0, 0),
    "noonmark_core_records_refused_total": (0, 0),
}

RISES = [0] * 25 + [1] * 35  # within the last minutes before AT

# Alert: what is different then.
ILL = {
    "NoonmarkDown": {"up": (0, 0)},
    "NoonmarkProcessSilent": {'noonmark_process_heartbeat_age_seconds{process="control"}': (0, 60)},
    "NoonmarkProcessRestarted": {'noonmark_process_starts_total{process="dataplane"}': [n + 2 for n in RISES]},
    "NoonmarkClockUnhealthy": {'noonmark_clock_unhealthy{reason="stale"}': (1, 0), "noonmark_clock_healthy": (0, 0),
                               "noonmark_clock_synchronised": (0, 0)},
    "NoonmarkClockNotServed": {"noonmark_clock_synchronised": (0, 0)},
    "NoonmarkClockError": {"noonmark_clock_error_bound_seconds": (0.2, 0)},
    "NoonmarkClockStepped": {"noonmark_clock_steps_total": [n + 1 for n in RISES]},
    "NoonmarkLeapListBad": {"noonmark_leap_list_bad": (1, 0)},
    "NoonmarkSmearLost": {"noonmark_smear_lost": (1, 0)},
    "NoonmarkCertificateExpiresSoon": {'noonmark_certificate_expiry_timestamp_seconds{chain="/c.pem"}': (10 * DAY, 0)},
    "NoonmarkCertificateExpires": {'noonmark_certificate_expiry_timestamp_seconds{chain="/c.pem"}': (2 * DAY, 0)},
    "NoonmarkKeysFailing": {"noonmark_keys_failing": (1, 0)},
    "NoonmarkFleetDiffers": {'noonmark_fleet_info{fingerprint="00000001"}': (1, 0)},
    "NoonmarkFleetEndsSoon": {"noonmark_fleet_end_timestamp_seconds": (6 * DAY, 0)},
    "NoonmarkFleetEnds": {"noonmark_fleet_end_timestamp_seconds": (DAY / 2, 0)},
    "NoonmarkFleetRefused": {"noonmark_fleet_document_refused": (1, 0)},
    "NoonmarkEtcdApart": {"noonmark_etcd_current": (0, 0)},
    "NoonmarkRequestsUnanswered": {'noonmark_ntp_dropped_total{core="0",cpu="1",reason="stale"}': (0, 120)},
    "NoonmarkFramesMissed": {'noonmark_port_missed_frames_total{port="eth0"}': (0, 120)},
    "NoonmarkPortDown": {'noonmark_port_link_up{port="eth0"}': (0, 0)},
    "NoonmarkAddressesNotServed": {'noonmark_port_addresses_not_steered{port="eth0"}': (3, 0)},
    "NoonmarkCoreBusy": {'noonmark_core_busy_ticks_total{core="0",cpu="1"}': (0, 1e11)},
    "NoonmarkStampsMissing": {'noonmark_port_frames_total{port="eth0",stamp="no"}': (0, 1200)},
    "NoonmarkDeparturesLate": {'noonmark_ntp_departure_error_seconds_bucket{core="0",cpu="1",le="0.0"}': (0, 58000)},
    "NoonmarkCookiesUnknown": {'noonmark_ntp_naks_total{core="0",cpu="1",cause="unknown_key"}': (0, 6000),
                               'noonmark_ntp_replies_total{core="0",cpu="1",kind="nak"}': (0, 6000)},
    "NoonmarkKeFull": {'noonmark_ke_paused_total{cause="full"}': (0, 1)},
    "NoonmarkKeFailing": {'noonmark_ke_ended_total{how="late_handshake"}': (0, 3000)},
    "NoonmarkLogLost": {'noonmark_log_lines_lost_total{process="ke"}': RISES},
    "NoonmarkFault": {'noonmark_ntp_dropped_total{core="0",cpu="1",reason="longer"}': RISES},
}
# With the first of these the second fires, too.
TOGETHER = {"NoonmarkCertificateExpires": ["NoonmarkCertificateExpiresSoon"],
            "NoonmarkFleetEnds": ["NoonmarkFleetEndsSoon"]}


def series(name, numbers):
    label = 'instance="a:9460",job="noonmark"'
    full = name[:-1] + "," + label + "}" if name.endswith("}") else f"{name}{{{label}}}"
    values = f"{numbers[0]}+{numbers[1]}x{SAMPLES}" if isinstance(numbers, tuple) else " ".join(map(str, numbers))
    return {"series": full, "values": values}


def case(name, different, firing):
    return {"interval": "1m", "name": name, "input_series": [series(k, v) for k, v in {**WELL, **different}.items()],
            "promql_expr_test": [{
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": AT,
                "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in firing]}]}


def promtool(*arguments, **options):
    return subprocess.run([PROMTOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def fires(name, different, firing):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case(name, different, firing)]}, file)
        file.flush()
        return promtool("test", "rules", file.name)


bad, n = 0, 0


def ok(passed, text, detail=""):
    global bad, n
    n, bad = n + 1, bad + (not passed)
    print(f"{'ok' if passed else 'not ok'} {n} - {text}", flush=True)
    if not passed:
        print("\n".join(f"# {line}" for line in str(detail).splitlines()))


rules, manual = RULES.read_text(), MANUAL.read_text()
dashboard = json.loads(DASHBOARD.read_text())
known = {name + suffix for name, kind in re.findall(r'^\.BR (\w+) "? ?\((\w+)\)"', manual, re.M)
         for suffix in {"counter": ("_total",), "info": ("_info",), "histogram": ("_bucket",)}.get(kind, ("",))}
for what, text in (("the alerts", "\n".join(line for line in rules.splitlines() if "summary:" not in line
                                            and "description:" not in line and not line.startswith("#"))),
                   ("the dashboard", json.dumps(dashboard))):
    named = set(re.findall(r"\bnoonmark_\w+", text))
    ok(len(named) > 15 and named <= known, f"the manual has all metrics of {what}", named - known)
alerts = re.findall(r"- alert: (\w+)", rules)
ok(sorted(alerts) == sorted(ILL), "each alert is provoked here", set(alerts) ^ set(ILL))
ok(all(p["title"] and p["targets"] for p in dashboard["panels"]) and
   len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"]), "each panel has a query and an id of its own")
if not PROMTOOL.exists():
    print(f"ok {n + 1} - the alerts are computed # SKIP promtool is not unpacked: run ./check")
    n += 1
else:
    got = promtool("check", "rules", RULES)
    ok(got.returncode == 0, "promtool takes the rules", got.stdout)
    got = fires("well", {}, [])
    ok(got.returncode == 0, "no alert fires on a server that is well", got.stdout)
    for alert, different in ILL.items():
        got = fires(alert, different, sorted([alert, *TOGETHER.get(alert, [])]))
        ok(got.returncode == 0, f"{alert} fires, and no other", got.stdout)
print(f"1..{n}")
sys.exit(bad > 0)
