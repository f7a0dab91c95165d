#!/usr/bin/env python3
"""Reloads of a running server under key exchanges, 50 a second: new certificates are served and no
exchange fails; what is wrong is refused whole, with the reason, within bounded time, and the old pair
serves on; what needs a restart is named. At the end nothing has grown. Then each live setting changes under
NTS requests as well, 500 a second: no reply is lost, and there is no NAK.

    reload_test.py [--reloads N]        30 without; 1000 is what a release has to pass
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

from authority import Authority
from ke_exchanges import Exchanges
from harness import (BUILD, KE_PORT, SERVER_NAME, SERVER_V4, SERVER_V6, Program, Stopwatch, Tap, World, wait_for)

PAIRS = 6
RATE = 50


class Reloads:
    def __init__(self, tap, world):
        self.tap, self.world = tap, world
        place = world.directory("pairs")
        self.authority = Authority(place)
        self.pairs = [self.authority.pair(f"pair{i}", 100 + i) for i in range(PAIRS)]
        self.install(self.pairs[0])
        world.configure()
        # Only a reload takes them here; certificates_test.py is of the other way.
        self.configured = world.configuration.read_text().replace("control:\n", "control:\n  watch_certificates: false\n")
        world.configuration.write_text(self.configured)
        self.n = 0

    def install(self, pair, how=0):
        """By rename, as tools that renew do it, or over the old files."""
        for source, place in zip(pair, (self.world.certificate, self.world.key)):
            if how % 2 == 0:
                aside = place.with_suffix(".new")
                shutil.copyfile(source, aside)
                aside.replace(place)
            else:
                shutil.copyfile(source, place)
            place.chmod(0o600)

    def ctl(self, *arguments, timeout=30):
        return subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)

    def reload(self):
        """The answer as an object; None when there was none."""
        got = self.ctl("--json", "reload")
        try:
            answer = json.loads(got.stdout)
        except ValueError:
            return None
        answer["code"] = got.returncode
        return answer

    def served(self):
        """The certificate that a new handshake gets, in DER."""
        context = ssl.create_default_context(cafile=self.authority.root)
        context.set_alpn_protocols(["ntske/1"])
        with self.world.client.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(5)
            s.connect((SERVER_V4, KE_PORT))
            with context.wrap_socket(s, server_hostname=SERVER_NAME) as session:
                return session.getpeercert(True)

    @staticmethod
    def der(pair):
        return ssl.PEM_cert_to_DER_cert(pair[0].read_text())

    def serves(self, pair):
        return self.served() == self.der(pair)

    def log(self):
        return self.world.noonmarkd.log.read_text(errors="replace")

    def processes(self):
        found = {"supervisor": self.world.noonmarkd.pid, **self.world.children()}
        found.pop("reload", None)  # the reader of the last reload may be ending still
        return found

    def held(self):
        """{process: open descriptors}, connections under way left out: the least of some looks."""
        least = {}
        for _ in range(40):
            for name, pid in self.processes().items():
                with contextlib.suppress(FileNotFoundError):
                    least[name] = min(least.get(name, 1 << 30), len(os.listdir(f"/proc/{pid}/fd")))
            time.sleep(0.02)
        return least

    def memory(self):
        """{process: KiB that are its own}."""
        found = {}
        for name, pid in self.processes().items():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            found[name] = int(re.search(r"^VmRSS:\s*(\d+)", status, re.M).group(1))
        return found

    # the tests

    def many(self, n):
        """Certificates, one after another."""
        tap = self.tap
        wrong, missed = [], []
        taken = []
        before = self.processes()
        for i in range(1, n + 1):
            pair = self.pairs[i % PAIRS]
            self.install(pair, i)
            begun = time.monotonic()
            answer = self.reload()
            taken.append(time.monotonic() - begun)
            if answer is None or answer["code"] != 0 or answer.get("applied") != ["control.certificates"]:
                wrong.append((i, answer))
            elif not self.serves(pair):
                missed.append(i)
            if i == max(n // 10, 10):
                held, memory = self.held(), self.memory()
        tap.ok(not wrong, f"{n} reloads are taken", wrong[:5])
        tap.ok(not missed, "each new handshake after an answer sees the new certificate", missed[:10])
        tap.equal(self.processes(), before, "no process was started anew")
        tap.equal(self.held(), held, f"descriptors have not grown since reload {max(n // 10, 10)}")
        now = self.memory()
        # The C library's heap takes a step of up to 2 MiB once, then no more: a context that leaked
        # would be many times that after a thousand. tls_test.c looks at the heap itself.
        tap.ok(all(now[name] - memory[name] < 3072 for name in now), "nor has memory",
               f"KiB: {memory}, now {now}")
        taken.sort()
        tap.note(f"a reload took {taken[len(taken) // 2] * 1e3:.0f} ms (median), "
                 f"{taken[-1] * 1e3:.0f} ms at the most")
        tap.note(f"descriptors {held}; memory in KiB {memory}, at the end {now}")
        self.pair = pair

    def change(self, *changes):
        """Reloads with other values: (name, text in the configuration, its replacement)... The answer's names
        must be those."""
        text = self.world.configuration.read_text()
        for _, old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        self.world.configuration.write_text(text)
        answer = self.reload() or {}
        names = [name for name, _, _ in changes]
        if not (answer.get("code") == 0 and sorted(answer["applied"]) == sorted(names) and
                answer["needs_restart"] == []):
            self.not_applied.append((names, answer))

    def one_reply(self):
        """Leap, stratum and reference id of a reply; None without one."""
        octets = self.world.sntp(SERVER_V4)
        return (octets[0] >> 6, octets[1], octets[12:16]) if octets else None

    def current_key(self):
        return [k["id"] for k in self.world.status()["keys"] if k["role"] == "current"]

    def live_settings(self):
        """All of them in turn, under one load."""
        tap, world = self.tap, self.world
        self.not_applied = []
        processes, held = self.processes(), self.held()
        result = world.home / "nts.json"
        load = Program("ntsperf", world.client.command(
            BUILD / "ntsperf", "nts", "--rate", 10 * RATE, "--duration", "10h", "--clients", 16, "--ca",
            self.authority.root, f"--json={result}", "--quiet", SERVER_V4), world.home / "nts.log")
        world.programs.append(load)
        answered = lambda: (world.status() or {"counters": {"answered_nts": 0}})["counters"]["answered_nts"]
        tap.ok(wait_for(lambda: answered() > 100, 30), "NTS requests are answered", world.server_tail())
        missed = sum(port["rx_missed"] for port in world.status()["ports"])

        self.live_time()
        self.live_keys()
        self.live_exchange()
        self.live_sources()
        self.live_metrics()

        load.stop(signal.SIGINT, 20)
        got = json.loads(result.read_text())
        status = world.status()
        missed = sum(port["rx_missed"] for port in status["ports"]) - missed
        tap.equal(self.not_applied, [], "each live setting is applied by a reload, and nothing else is named")
        tap.equal(self.processes(), processes, "by the processes that were there before")
        tap.ok(got["sent"] > 0 and got["lost"] <= missed and not got["wrong"] and not got["kiss"],
               f"F27: no reply of {got['sent']} was lost or wrong", f"{missed} missed\n{json.dumps(got)[:2000]}")
        tap.equal(status["counters"]["answered_nak"], 0, "F27: and there was no NAK")
        self.world.configuration.write_text(self.configured)
        self.reload()
        # On a busy machine some key exchange may be under way at each look.
        tap.ok(wait_for(lambda: all(n <= held[name] for name, n in self.held().items()), 30), "descriptors have not grown", (self.held(), held))

    def live_time(self):
        tap, world = self.tap, self.world
        hook, record = world.runtime / "health", world.runtime / "health.record"
        hook.write_text(f"#!/bin/sh\necho \"$*\" >>{record}\n")
        hook.chmod(0o755)
        record.write_text("")
        self.change(("time.stratum", "  stratum: 1\n", "  stratum: 3\n"),
                    ("time.reference_id", "reference_id: TEST\n", "reference_id: 192.0.2.1\n"))
        # Control publishes twenty times a second; a core serves what is published at once.
        seen = set()
        tap.ok(wait_for(lambda: (lambda r: r and (seen.add(r[0]), r[1:] == (3, bytes([192, 0, 2, 1])))[1])(
            self.one_reply()), 10, 0.01), "time.stratum and time.reference_id are in the replies", self.one_reply())
        for name, value in (("max_error", "1400ms"), ("stale_after", "11s"), ("phc_limit", "2ms"), ("phc_accuracy", "2us"),
                            ("phc_timescale", "utc"), ("on_unhealthy", "silent"), ("hook", hook)):
            self.change((f"time.{name}", "reference_id: 192.0.2.1\n",
                         f"reference_id: 192.0.2.1\n  {name}: {value}\n"))
            seen.add((self.one_reply() or [0])[0])
        tap.equal(seen, {0}, "and no reply says leap 3 meanwhile")
        tap.ok(wait_for(lambda: record.read_text() == "healthy\n", 10), "a new time.hook is told the state",
               record.read_text())

    def live_keys(self):
        tap = self.tap
        self.change(("keys.rotate", "rotate: 24h", "rotate: 1s"), ("keys.keep", "keep: 3", "keep: 6"))
        # Five is what the three old keys of before allow.
        tap.ok(wait_for(lambda: len(self.world.status()["keys"]) > 5, 30),
               "keys.rotate and keys.keep: rotations come at once, and more old keys are kept")
        self.change(("keys.rotate", "rotate: 1s", "rotate: 12h"))
        before = self.current_key()
        time.sleep(1.5)  # longer than keys.rotate was
        tap.equal(self.current_key(), before, "and no more after a longer keys.rotate")

    def connects(self, port, namespace=None):
        with (namespace or self.world.client).socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(5)
            return s.connect_ex((SERVER_V4, port)) == 0

    def listens_alone(self, port):
        """The supervisor's and ke's descriptors of old listeners are closed."""
        table = pathlib.Path(f"/proc/{self.processes()['ke']}/net/tcp").read_text().splitlines()[1:]
        return [int(line.split()[1].split(":")[1], 16) for line in table if line.split()[3] == "0A"].count(port)

    def live_exchange(self):
        """NTS-KE moves to another port and back, with an exchange under way; the load goes on."""
        tap, other = self.tap, KE_PORT + 1
        v4, both = f'"0.0.0.0:{KE_PORT}"', f'"0.0.0.0:{KE_PORT}", "0.0.0.0:{other}"'
        self.change(("control.listen", v4, both))
        tap.ok(self.connects(other) and self.connects(KE_PORT), "control.listen: a new address beside the old ones")
        context = ssl.create_default_context(cafile=self.authority.root)
        context.set_alpn_protocols(["ntske/1"])
        with self.world.client.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(20)
            s.connect((SERVER_V4, other))
            with context.wrap_socket(s, server_hostname=SERVER_NAME) as session:
                self.change(("control.listen", both, v4))
                tap.ok(not self.connects(other) and self.connects(KE_PORT) and self.listens_alone(other) == 0,
                       "an address that goes takes no more connections")
                session.sendall(bytes.fromhex("800100020000" "80040002000f" "80000000"))
                octets = b""
                while more := session.recv(4096):
                    octets += more
        tap.ok(len(octets) == 848, "an exchange under way over it ends well", len(octets))
        self.change(("control.ntp_server", 'ntp_server: ""', f'ntp_server: "{SERVER_V4}"'),
                    ("control.deadline", "deadline: 5s", "deadline: 6s"))
        self.change(("control.ntp_server", f'ntp_server: "{SERVER_V4}"', 'ntp_server: ""'))
        self.change(("control.watch_certificates", "watch_certificates: false", "watch_certificates: true"))
        self.change(("control.watch_certificates", "watch_certificates: true", "watch_certificates: false"))
        files = lambda: int(re.search(r"open files\s+(\d+)", pathlib.Path(
            f"/proc/{self.processes()['ke']}/limits").read_text()).group(1))
        most = files() + 1000
        self.change(("control.max_connections", "max_connections: 1000", f"max_connections: {most}"))
        # The supervisor keeps CAP_SYS_RESOURCE where it has it.
        status = pathlib.Path(f"/proc/{self.world.noonmarkd.pid}/status").read_text()
        may = int(re.search(r"^CapEff:\s*(\S+)", status, re.M).group(1), 16) >> 24 & 1 == 1
        said = f"of {most} fit into the limit of open files"
        told = said in self.log() if may else wait_for(lambda: said in self.log(), 10) is not None
        tap.ok(may == (files() > most) and may != told,
               "control.max_connections: ke's limit of open files is raised, or what fits is said", (may, files()))
        self.change(("control.max_connections", f"max_connections: {most}", "max_connections: 900"))

        # All or nothing: a port that is taken, beside a stratum that would be fine.
        path = self.world.configuration
        before = path.read_text()
        with self.world.server.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("0.0.0.0", other))
            taken.listen()
            path.write_text(before.replace(v4, both).replace("  stratum: 3\n", "  stratum: 4\n"))
            self.refused("an address that another program has",
                         rf"{path}: TCP address 0.0.0.0:{other} \(control.listen\) is taken")
        path.write_text(before.replace(v4, f'"{SERVER_V4}:{KE_PORT}"'))
        self.refused("an address that overlaps one that is listened at", rf"overlaps 0.0.0.0:{KE_PORT}, at which")
        path.write_text(before)
        self.change()
        reply = self.one_reply()
        tap.ok(reply is None or reply[1] == 3, "and the stratum is the one of before", reply)

    def scrape(self, port):
        with self.world.server.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(2)
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return None
            with contextlib.suppress(OSError):
                s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                return b"noonmark_" in b"".join(iter(lambda: s.recv(65536), b""))
        return False

    def live_sources(self):
        """Who is served, by NTP and NTS-KE: another client than the load."""
        tap, core = self.tap, "dataplane:\n"
        asks = lambda: (self.world.sntp(SERVER_V6) is not None, self.world.answers_ke(SERVER_V6))
        path = self.world.configuration
        before = path.read_text()
        path.write_text(before.replace(core, core + "  deny: []\n  nts_only: false\n"))
        self.change(("dataplane.deny", "deny: []", 'deny: ["::/0"]'))
        with self.world.client.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.settimeout(10)
            s.connect((SERVER_V6, KE_PORT))
            s.send(b"x")  # the kernel hands it out
            with contextlib.suppress(OSError):
                tap.equal(s.recv(1), b"", "dataplane.deny: NTS-KE closes")
        tap.ok(self.world.sntp(SERVER_V6) is None and self.one_reply(), "and NTP is not answered; others are")
        self.change(("dataplane.deny", 'deny: ["::/0"]', "deny: []"), ("dataplane.nts_only", "nts_only: false", "nts_only: true"))
        tap.ok(self.one_reply() is None and self.world.answers_ke(SERVER_V6),
               "dataplane.nts_only: plain requests are not answered")
        self.change(("dataplane.nts_only", "nts_only: true", "nts_only: false"))
        tap.ok(all(asks()), "and are again")
        path.write_text(before)

    def live_metrics(self):
        tap = self.tap
        path = self.world.configuration
        bare = path.read_text()
        path.write_text(bare + 'metrics: {listen: ""}\n')
        self.change(("metrics.listen", 'listen: ""', 'listen: "127.0.0.1:9460"'))
        tap.ok(wait_for(lambda: self.scrape(9460), 20), "metrics.listen: the metrics' process is started",
               self.world.server_tail())
        self.change(("metrics.listen", "127.0.0.1:9460", "127.0.0.1:9461"))
        tap.ok(wait_for(lambda: self.scrape(9461), 20) and self.scrape(9460) is None, "moves",
               self.world.server_tail())
        self.change(("metrics.listen", '"127.0.0.1:9461"', '""'))
        tap.ok(wait_for(lambda: "metrics" not in self.world.children() and self.scrape(9461) is None, 20),
               "and is ended", self.world.server_tail())
        path.write_text(bare)

    def refused(self, what, words, limit=4.0):
        """Nothing changes, and the reason is said to the person and in the log."""
        watch = Stopwatch()
        answer = self.reload()
        took, soon = watch.took(), watch.within(limit)
        reason = (answer or {}).get("refused", "")
        self.tap.ok(answer is not None and answer["code"] == 1 and re.search(words, reason) and soon
                    and wait_for(lambda: reason[:80] in self.log(), 5), f"refused with its reason: {what}",
                    f"{answer} after {took:.1f} s\n{self.world.server_tail()}")
        self.tap.ok(self.serves(self.pair), f"and the old pair serves on: {what}")

    def bad_pairs(self):
        world, good = self.world, self.pair
        chain, key = world.certificate, world.key
        expired = self.authority.pair("expired", 200, days=0)
        time.sleep(1.1)  # it was good for a second: OpenSSL 3.5 makes none that never was
        other = self.pairs[(self.pairs.index(good) + 1) % PAIRS]
        self.install(expired)
        self.refused("expired", rf"{chain}: HAS EXPIRED")
        self.install((other[0], good[1]))
        self.refused("a key of another certificate", rf"{key}: is not the key of")
        self.install(other)
        chain.write_text(other[0].read_text()[:300])
        self.refused("a chain that is cut off", rf"{chain}: holds no certificate chain")
        self.install(other)
        key.write_text(other[1].read_text()[:60])
        self.refused("a key that is cut off", rf"{key}: holds no private key")
        self.install(other)
        chain.write_text("")
        self.refused("an empty chain", rf"{chain}: holds no certificate chain")
        self.install(other)
        chain.write_text("x" * 300000)
        self.refused("a chain that is too long", rf"{chain} \(chain\) is longer than")
        self.install(other)
        key.unlink()
        self.refused("no key", rf"cannot open {key} \(key\): No such file")
        key.mkdir()
        self.refused("a directory in place of the key", rf"{key} \(key\) is not a file")
        key.rmdir()
        os.mkfifo(key)
        self.refused("a FIFO in place of the key", rf"{key} \(key\) is not a file")
        key.unlink()
        # A restarted ke gets the pair that was checked, not the present content of the files.
        self.install((other[0], good[1]))
        ke = world.children()["ke"]
        os.kill(ke, signal.SIGKILL)
        self.tap.ok(wait_for(lambda: world.children().get("ke", ke) != ke and
                             f"ke serves again, pid {world.children()['ke']}" in self.log(), 5),
                    "a ke that dies while the files are wrong is started again", world.server_tail())
        self.tap.ok(self.serves(good), "with the last good pair")
        # Root reads what others have shut.
        self.install(other)
        os.chown(key, 12345, 12345)
        key.chmod(0)
        answer = self.reload()
        self.tap.ok(answer and answer.get("applied") == ["control.certificates"] and self.serves(other),
                    "a key that another user has shut is read", answer)
        os.chown(key, 0, 0)
        self.pair = other

    def bad_configurations(self):
        world = self.world
        path = world.configuration

        def with_text(text):
            path.write_text(text)
        with_text(self.configured.replace("stratum: 1", "stratum: 17"))
        self.refused("a value out of range", rf"{path}:\d+: `time.stratum` is \"17\"")
        with_text(self.configured + "nonsense: [\n")
        self.refused("no YAML", rf"{path}:\d+: this is not YAML")
        with_text(self.configured.replace(str(world.certificate), "/nonexistent/cert.pem"))
        self.refused("a path that leads nowhere", r"cannot open /nonexistent/cert.pem \(chain\)")
        path.unlink()
        self.refused("no configuration", rf"{path}: cannot be opened: No such file")
        os.mkfifo(path)
        self.refused("a FIFO in place of the configuration",
                     "reading the configuration took more than 5 s", limit=8)
        self.tap.ok(wait_for(lambda: "reload" not in world.children(), 5), "and its reader is ended")
        path.unlink()
        with_text(self.configured)

    def other_settings(self):
        """The level of the log is live; the rest is named, and stays."""
        tap, world = self.tap, self.world
        path = world.configuration
        path.write_text(self.configured.replace("idle: poll", "idle: adaptive").replace(
            "threads: 1", "threads: 2") + "log: {level: warning}\n")
        answer = self.reload()
        unchanged = answer.pop("unchanged")
        tap.ok("control.certificates" in unchanged and "keys.rotate" in unchanged and
               "log.level" not in unchanged and "control.threads" not in unchanged,
               "what could be reloaded and is the same is named", unchanged)
        tap.equal(answer, {"applied": ["log.level"], "needs_restart": ["dataplane.idle", "control.threads"], "code": 0},
                  "the log's level is applied; what needs a restart is named")
        answer = self.ctl("reload").stdout
        tap.ok(re.fullmatch(r"unchanged: .*control\.certificates, .*, log\.level\n"
                            r"needs a restart: dataplane\.idle, control\.threads\n", answer), "as text, once more", answer)

        mark = len(self.log())
        old = world.children()
        for role in ("control", "ke", "dataplane"):
            os.kill(old[role], signal.SIGKILL)
        tap.ok(wait_for(lambda: len(set(world.children().values()) - set(old.values())) == 3 and
                        world.answers_ntp() and self.world.status(), 20), "children that are started again",
               world.server_tail())
        said = self.log()[mark:]
        tap.ok("serving" not in said and "serves again" not in said and "was ended by signal 9" in said,
               "have the new level, all of them", said)
        shown = pathlib.Path(f"/proc/{world.children()['ke']}/fd/3").read_text()
        tap.ok("idle: poll" in shown and "threads: 1" in shown and "level: warning" in shown,
               "and for the rest the configuration that the server was started with", shown)

        path.write_text(self.configured)
        answer = self.reload()
        tap.equal((answer["applied"], answer["needs_restart"]), (["log.level"], []),
                  "the old configuration is taken back")
        mark = len(self.log())
        os.kill(world.children()["control"], signal.SIGKILL)
        tap.ok(wait_for(lambda: "control serves again" in self.log()[mark:], 5), "and is heard")
        wait_for(world.status, 5)

        # Another name, and two pairs.
        second = self.authority.pair("second", 300, kind="rsa")
        path.write_text(self.configured.replace(
            f"    - {{chain: {world.certificate}, key: {world.key}}}\n",
            f"    - {{chain: {self.pairs[0][0]}, key: {self.pairs[0][1]}}}\n"
            f"    - {{chain: {second[0]}, key: {second[1]}}}\n"))
        tap.equal(self.reload()["applied"], ["control.certificates"], "another name and a second pair")
        tap.ok(self.serves(self.pairs[0]), "are served")
        ke = world.children()["ke"]
        os.kill(ke, signal.SIGKILL)
        tap.ok(wait_for(lambda: world.children().get("ke", ke) != ke, 5) and self.serves(self.pairs[0]),
               "also by the next ke", world.server_tail())
        path.write_text(self.configured)
        tap.ok(self.reload()["code"] == 0 and self.serves(self.pair), "and one again")

    def signals(self):
        tap, world = self.tap, self.world
        other = self.pairs[(self.pairs.index(self.pair) + 1) % PAIRS]
        self.install(other)
        world.noonmarkd.send(signal.SIGHUP)
        tap.ok(wait_for(lambda: self.serves(other), 5), "SIGHUP does the same", world.server_tail())
        self.pair = other
        tap.ok("reloading on SIGHUP\n" in self.log() and
               re.search("reload: applied: control.certificates\n", self.log()), "and the log has the answer")
        world.certificate.write_text("")
        mark = len(self.log())
        world.noonmarkd.send(signal.SIGHUP)
        tap.ok(wait_for(lambda: "reload refused, nothing has changed: " in self.log()[mark:], 5),
               "a refusal, too", world.server_tail())
        self.install(self.pair)

        # Two at once, the first held up by a configuration that does not come.
        world.configuration.unlink()
        os.mkfifo(world.configuration)
        first = subprocess.Popen([BUILD / "noonmarkctl", "--socket", world.control_socket, "reload"],
                                 stderr=subprocess.PIPE, text=True)
        tap.ok(wait_for(lambda: "reload" in world.children(), 5), "a reload waits for its file")
        tap.ok("a reload is under way" in self.ctl("reload").stderr, "the second is told so")
        control = world.children()["control"]
        os.kill(control, signal.SIGKILL)
        tap.ok(first.wait(10) == 1 and "SIGHUP to the supervisor" in first.stderr.read(),
               "control dies meanwhile: its client is told what else to do")
        tap.ok(wait_for(lambda: "reload" not in world.children(), 8), "the reader is ended")
        world.configuration.unlink()
        world.configuration.write_text(self.configured)
        wait_for(world.status, 5)
        answer = self.reload()
        tap.ok(answer and answer["code"] == 0, "and the next reload is taken", answer)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reloads", type=int, default=30)
    options = parser.parse_args()
    with Tap() as tap, World("reload") as world:
        reloads = Reloads(tap, world)
        world.start()
        load = Exchanges(world, reloads.authority, RATE)
        time.sleep(1)
        reloads.many(options.reloads)
        reloads.live_settings()
        load.judge(tap, "")
        reloads.bad_pairs()
        reloads.bad_configurations()
        reloads.other_settings()
        reloads.signals()
        # The level reaches all processes that run, by their last words.
        world.configuration.write_text(reloads.configured + "log: {level: error}\n")
        tap.equal(reloads.reload()["applied"], ["log.level"], "a level for the end")
        time.sleep(0.5)  # housekeeping and ke take it at their next turn
        log = world.noonmarkd.log
        mark = len(log.read_text())
        tap.equal(world.stop(), 0, "SIGTERM ends it with status 0")
        tap.equal(log.read_text()[mark:], "", "without a word, the dataplane's included")


main()
