"""A real Prometheus scrapes a real server: it takes all that is served, each query of the dashboard has data, and
alerts fire on what is done to the server. The alerts' waiting times are left out here; tests/metrics/rules_test.py
computes them all."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import time
import urllib.parse

from harness import CLIENTS, SERVER_V4, Program, Tap, World, need_clients, wait_for

need_clients("chrony", "prometheus")

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORT, OWN_PORT = 9460, 9090
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: noonmark
    static_configs: [{{targets: ["{address}:{port}"]}}]
"""


class Prometheus(Program):
    def __init__(self, world):
        self.world = world
        home = world.directory("prometheus")
        rules = (ROOT / "etc/prometheus/noonmark.rules.yml").read_text()
        (home / "rules.yml").write_text(re.sub(r"^ +for: .*\n", "", rules, flags=re.M))
        (home / "prometheus.yml").write_text(CONFIG.format(rules=home / "rules.yml", address=SERVER_V4, port=PORT))
        super().__init__("prometheus", world.client.command(
            CLIENTS / "prometheus/usr/bin/prometheus", f"--config.file={home}/prometheus.yml",
            f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{OWN_PORT}"), home / "log")
        world.programs.append(self)

    def get(self, path, **query):
        """The data of an answer of its API; None while it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", OWN_PORT)
        try:
            with self.world.client.socket(kind=socket.SOCK_STREAM) as connection.sock:
                connection.sock.settimeout(10)
                connection.sock.connect(("127.0.0.1", OWN_PORT))
                connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
                got = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        return got["data"] if got["status"] == "success" else None

    def query(self, text):
        data = self.get("query", query=text)
        return data["result"] if data else []

    def firing(self):
        """The labels and annotations of the alerts that fire, by name."""
        data = self.get("alerts")
        return {a["labels"]["alertname"]: {**a["annotations"], **a["labels"]} for a in data["alerts"]
                if a["state"] == "firing"} if data else {}

    def fires(self, tap, name, timeout, text, **labels):
        got = wait_for(lambda: self.firing().get(name), timeout, 0.3)
        tap.ok(got and all(got.get(k) == v for k, v in labels.items()), text, f"{self.firing()}\n{self.tail(5)}")
        return got or {}


def keeper(world):
    """The chronyd of the server's host."""
    home = world.directory("keeper")
    (home / "chrony.conf").write_text("\n".join(["user root", "port 0", f"pidfile {home}/pid", "local stratum 5",
                                                 f"bindcmdaddress {home}/chrony.sock"]) + "\n")
    program = Program("keeper", world.server.command(*world.no_clock, CLIENTS / "chrony/usr/sbin/chronyd", "-x", "-d",
                                                     "-f", home / "chrony.conf"), home / "log")
    world.programs.append(program)
    return program


def configure(world):
    world.configure(source="chronyd", max_connections=2, extra="  stale_after: 2s\n  on_unhealthy: silent\n"
                    f"metrics:\n  listen: {SERVER_V4}:{PORT}\n")
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace("  stratum: 1\n  reference_id: TEST\n", ""))


def queries():
    """Each of the dashboard, with its variables filled in."""
    dashboard = json.loads((ROOT / "etc/grafana/noonmark.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*")
    for note in dashboard["annotations"]["list"]:
        yield note["name"], re.sub(r" > 0$", "", note["expr"].replace("$instance", ".*"))


with Tap() as tap, World("prometheus") as world:
    world.certify(days=2)
    configure(world)
    clock = keeper(world)
    world.start(timeout=40)
    prometheus = Prometheus(world)
    asking = world.chronyd("asking", poll=-4)

    up = wait_for(lambda: prometheus.query('up{job="noonmark"} == 1'), 60)
    tap.ok(up, "Prometheus scrapes the server", prometheus.tail())
    state = prometheus.get("targets")["activeTargets"][0]
    tap.equal((state["health"], state["lastError"]), ("up", ""), "without a complaint")
    rules = [r for g in prometheus.get("rules")["groups"] for r in g["rules"]]
    tap.ok(len(rules) > 15, "all rules are loaded", prometheus.tail())

    prometheus.fires(tap, "NoonmarkCertificateExpires", 20, "a certificate that ends in two days is told",
                     chain=str(world.certificate)[-63:], severity="critical")
    asking.wait_synchronised()
    for title, query in queries():
        tap.ok(wait_for(lambda: prometheus.query(query), 30, 0.5), f"the dashboard has data: {title}", query)
    metadata = prometheus.get("metadata") or {}
    tap.ok(metadata.get("noonmark_ntp_replies", [{}])[0].get("type") == "counter" and
           metadata.get("noonmark_clock_error_bound_seconds", [{}])[0].get("unit") == "seconds",
           "types and units arrive", {k: v for k, v in metadata.items() if "replies" in k})
    quiet = {"NoonmarkCertificateExpires", "NoonmarkCertificateExpiresSoon", "NoonmarkKeFull", "NoonmarkFramesMissed",
             "NoonmarkKeFailing", "NoonmarkCoreBusy", "NoonmarkStampsMissing", "NoonmarkDeparturesLate"}
    tap.ok(set(prometheus.firing()) <= quiet, "nothing else is told, but for what a loaded machine brings",
           prometheus.firing())

    os.kill(world.children()["dataplane"], signal.SIGKILL)
    prometheus.fires(tap, "NoonmarkProcessRestarted", 30, "the death of the dataplane is told", process="dataplane")
    wait_for(world.answers_ntp, 20)

    held = [world.client.socket(kind=socket.SOCK_STREAM) for _ in range(2)]  # max_connections
    for s in held:
        s.connect((SERVER_V4, 4460))
    prometheus.fires(tap, "NoonmarkKeFull", 30, "that NTS-KE is full is told", cause="full")
    for s in held:
        s.close()

    clock.stop()
    prometheus.fires(tap, "NoonmarkClockUnhealthy", 30, "that chronyd has gone is told", reason="stale",
                     severity="critical")
    end = time.monotonic() + 40
    while "NoonmarkRequestsUnanswered" not in prometheus.firing() and time.monotonic() < end:
        for _ in range(50):
            world.sntp(timeout=0.001)
    prometheus.fires(tap, "NoonmarkRequestsUnanswered", 5, "that requests get no answer is told, and why",
                     reason="unhealthy")
    texts = " ".join(f'{a["summary"]} {a["description"]}' for a in prometheus.firing().values())
    tap.ok("error expanding" not in texts and "<no value>" not in texts, "their texts are whole", texts)

    rules = [r for g in prometheus.get("rules")["groups"] for r in g["rules"]]
    tap.ok(all(r["health"] == "ok" for r in rules), "no rule fails on the real metrics",
           [(r["name"], r.get("lastError")) for r in rules if r["health"] != "ok"])
    world.stop()
    prometheus.fires(tap, "NoonmarkDown", 20, "and the end of noonmarkd", severity="critical")
