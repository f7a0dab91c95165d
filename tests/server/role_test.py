#!/usr/bin/env python3
"""Hosts of different roles: one serves NTS-KE alone, the other NTP alone, with one key file. A client exchanges keys
with the first and gets the time from the second. The commands, metrics, reload and hook of each. Prints TAP."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

from harness import (BUILD, CLIENT_V4, CONTROL_USER, DATAPLANE_USER, KE_PORT, PATIENCE_S, SERVER_IF, SERVER_V4, Program,
                     Tap, World, need_clients, wait_for)
from probe import Probe, explain

NTP_PORT, METRICS_PORT = 8123, 9460


class Host:
    """A noonmarkd in a namespace of a world, with a configuration and files of its own."""

    def __init__(self, world, namespace, role, text):
        self.world, self.namespace = world, namespace
        self.runtime = world.runtime / role
        self.runtime.mkdir(mode=0o755)
        self.socket = self.runtime / "control.sock"
        self.told_file = self.runtime / "told"
        hook = self.runtime / "hook"
        hook.write_text(f'#!/bin/sh\necho "$1" >> {self.told_file}\n')
        hook.chmod(0o755)
        self.configuration = world.home / f"{role}.yaml"
        self.configuration.write_text(f"""\
role: {role}
{text.replace('HOOK', str(hook)).replace('USERS', f'user: "{CONTROL_USER}"{chr(10)}  socket: {self.socket}')}
keys:
  file: {self.runtime}/keys/keys
metrics:
  listen: "127.0.0.1:{METRICS_PORT}"
""")

    def noonmarkd(self, *words):
        return self.namespace.run(BUILD / "noonmarkd", *words, "-c", self.configuration, check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)

    def start(self, line):
        self.program = Program(self.runtime.name, self.namespace.command(BUILD / "noonmarkd", "-c", self.configuration),
                               self.world.home / f"{self.runtime.name}.log")
        self.world.programs.append(self.program)
        return wait_for(lambda: line in self.program.log.read_text(), 20)

    def children(self):
        self.world.noonmarkd = self.program
        return sorted(self.world.children())

    def ctl(self, *words):
        return self.namespace.run(BUILD / "noonmarkctl", "-s", self.socket, *words, check=False, timeout=2 * PATIENCE_S,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def object(self, *words):
        return json.loads(self.ctl("--json", *words).stdout)

    def change(self, old, new):
        self.configuration.write_text(self.configuration.read_text().replace(old, new))
        return self.ctl("reload")

    def scrape(self):
        with self.namespace.socket(kind=socket.SOCK_STREAM) as s:
            s.settimeout(PATIENCE_S)
            s.connect(("127.0.0.1", METRICS_PORT))
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            return s.makefile("rb").read().decode()

    def told(self):
        return self.told_file.read_text().split("\n")[:-1] if self.told_file.exists() else []


def ke_host(tap, world):
    host = Host(world, world.client, "ke", f"""\
control:
  certificates:
    - {{chain: {world.certificate}, key: {world.key}}}
  USERS
  ntp_server: {SERVER_V4}
  ntp_port: {NTP_PORT}
time:
  hook: HOOK""")
    checked = host.noonmarkd("--check-config")
    tap.ok(checked.returncode == 0 and "fixed" not in checked.stderr, "ke: --check-config finds nothing", checked.stderr)
    shown = host.noonmarkd("--show-config").stdout
    tap.ok(shown.startswith("role: ke\n") and "cores" not in shown and "stratum" not in shown and "allow:" in shown,
           "ke: --show-config has the lists of sources, and nothing else of the dataplane", shown)
    tap.ok(host.start("serving NTS-KE alone (role: ke)"), "ke: the start ends once NTS-KE serves", host.program.tail())
    tap.ok(wait_for(lambda: host.children() == ["control", "ke", "metrics"], 10), "ke: there is no dataplane", str(host.children()))
    with world.client.socket() as s:
        s.bind(("0.0.0.0", 123))
    tap.ok(True, "ke: the NTP port is free")
    return host


def ntp_host(tap, world, ke):
    host = Host(world, world.server, "ntp", f"""\
dataplane:
  cores: [{max(os.sched_getaffinity(0))}]
  user: "{DATAPLANE_USER}"
  udp_port: {NTP_PORT}
  ports:
    - interface: {SERVER_IF}
control:
  USERS
time:
  source: fixed
  stratum: 1
  reference_id: TEST
  hook: HOOK""")
    keys = host.runtime / "keys"
    shutil.copytree(ke.runtime / "keys", keys)
    for path in (keys, *keys.iterdir()):
        shutil.copystat(ke.runtime / "keys" / (path.name if path != keys else ""), path)
        os.chown(path, *map(int, CONTROL_USER.split(":")))
    checked = host.noonmarkd("--check-config")
    tap.ok(checked.returncode == 0, "ntp: --check-config wants no certificate", checked.stderr)
    tap.ok(host.start("serving NTP alone (role: ntp)"), "ntp: the start ends once NTP serves", host.program.tail())
    tap.ok(wait_for(lambda: host.children() == ["control", "dataplane", "metrics"], 10), "ntp: there is no ke", str(host.children()))
    tap.ok(not world.answers_ke(SERVER_V4), "ntp: nobody listens for NTS-KE")
    return host


def session(tap, world):
    probe = Probe(world, CLIENT_V4)
    answer = wait_for(lambda: world.answers_ke(CLIENT_V4) and probe.ke(), 10)
    tap.equal((answer["server"], answer["ntp_port"]), (SERVER_V4, NTP_PORT),
              "REC-6b, REC-7: NTS-KE names the other host's address and port")
    lines = probe.nts("--ntp-address", SERVER_V4)
    tap.equal([line["verdict"] for line in lines], ["authenticated"], "its cookies are good at the other host")
    client = world.chronyd(address=CLIENT_V4)
    tap.ok(client.wait_synchronised(), "chronyd synchronises with both", client.explain())
    tap.equal(client.authdata()["nak"], 0, "without a NAK")
    client.stop()


def say(tap, ke, ntp):
    status, text = ke.object("status"), ke.ctl("status").stdout
    tap.ok(status["role"] == "ke" and status["dataplane"] is None and status["clock"] is None and
           status["ke_process"]["starts"] == 1 and status["ke"]["completed"] > 0, "ke: status as JSON", str(status))
    tap.ok("NTS-KE alone" in text and "dataplane" not in text and "clock " not in text and "cert " in text,
           "ke: status as text says nothing of a dataplane", text)
    for words in (["top", "--once"], ["clock"], ["ports"], ["limits"]):
        got = ke.ctl(*words)
        tap.ok(got.returncode == 0 and "NTS-KE alone" in got.stdout and "DOES NOT" not in got.stdout,
               f"ke: noonmarkctl {words[0]}", got.stdout + got.stderr)
    status, text = ntp.object("status"), ntp.ctl("status").stdout
    tap.ok(status["role"] == "ntp" and status["ke_process"] is None and status["dataplane"]["serving"], "ntp: status as JSON",
           str(status))
    tap.ok("NTP alone" in text and not re.search(r"^ke ", text, re.M) and "dataplane  running" in text,
           "ntp: status as text says nothing of ke", text)
    got = ntp.ctl("ke")
    tap.ok(got.returncode == 0 and "NTP alone" in got.stdout, "ntp: noonmarkctl ke", got.stdout)
    for host in (ke, ntp):
        got = host.ctl("doctor", "--json", "-c", str(host.configuration))
        tap.equal((got.returncode, json.loads(got.stdout)["fault"]), (0, 0), f"{host.runtime.name}: the doctor finds no fault")
        subjects = {f["subject"] for f in json.loads(got.stdout)["findings"]}
        tap.equal("cores" in subjects, host is ntp, f"{host.runtime.name}: and looks at the CPUs only where some poll")


def measure(tap, ke, ntp):
    for host, has, has_not in ((ke, "ke", "dataplane"), (ntp, "dataplane", "ke")):
        text = host.scrape()
        samples = [line for line in text.splitlines() if not line.startswith("#")]
        tap.ok(f'process="{has}"' in text and f'process="{has_not}"' not in text, f"{host.runtime.name}: metrics of its own processes alone")
        tap.equal(any(s.startswith("noonmark_clock_synchronised") for s in samples), host is ntp,
                  f"{host.runtime.name}: a clock only where one is served")
        tap.equal(any(s.startswith("noonmark_ke_") for s in samples), host is ke,
                  f"{host.runtime.name}: NTS-KE only where it is served")


def reload(tap, world, ke, ntp):
    got = ke.change("ntp_port: 8123", 'ntp_port: 8124\n  deadline: 4s')
    tap.ok(got.returncode == 0 and Probe(world, CLIENT_V4).ke()["ntp_port"] == 8124, "ke: a reload changes the port that is named",
           got.stdout + got.stderr)
    got = ke.change("control:", "dataplane:\n  allow: [192.0.2.0/24]\ncontrol:")
    with world.client.socket(kind=socket.SOCK_STREAM) as s:
        s.settimeout(PATIENCE_S)
        s.connect((CLIENT_V4, KE_PORT))
        tap.ok(got.returncode == 0 and s.recv(1) == b"", "ke: and the sources that are served", got.stdout + got.stderr)
    got = ntp.change("  udp_port", "  allow: [192.0.2.0/24]\n  udp_port")
    tap.ok(got.returncode == 0 and wait_for(lambda: world.sntp(port=NTP_PORT, timeout=0.2) is None, 5),
           "ntp: the same list without a ke that takes it", got.stdout + got.stderr)
    got = ntp.change("role: ntp", "role: both")
    tap.ok(got.returncode == 1, "a reload refuses what needs another role", got.stdout + got.stderr)
    ntp.configuration.write_text("role: ke\ncontrol:\n  ntp_server: time.test\n  certificates:\n"
                                 f"    - {{chain: {world.certificate}, key: {world.key}}}\n")
    got = ntp.ctl("reload")
    tap.ok(got.returncode == 1 and "must be restarted" in got.stderr, "and another role", got.stdout + got.stderr)


def end(tap, ke, ntp):
    tap.equal(ke.told(), ["healthy"], "ke: the hook was told once that the host serves")
    got = ke.ctl("drain")
    tap.ok(got.returncode == 0 and "has ended" in got.stdout, "ke: a planned stop", got.stdout + got.stderr)
    tap.equal(ke.told(), ["healthy", "draining"], "ke: of which the hook was told")
    tap.equal(ke.program.stop(), 0, "ke: it has ended well")
    tap.equal(ntp.program.stop(), 0, "ntp: and the other host, too")
    for host in (ke, ntp):
        log = host.program.log.read_text()
        tap.ok("error" not in log.replace("reload refused", "").replace("error: :", "") or "error: reload" in log,
               f"{host.runtime.name}: no error in the log", log)


need_clients("chrony")
with Tap() as tap, World("role") as world:
    world.addresses.append(CLIENT_V4)
    world.certify()
    ke = ke_host(tap, world)
    ntp = ntp_host(tap, world, ke)
    session(tap, world)
    say(tap, ke, ntp)
    measure(tap, ke, ntp)
    reload(tap, world, ke, ntp)
    end(tap, ke, ntp)
