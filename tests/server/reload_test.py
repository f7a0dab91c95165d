#!/usr/bin/env python3
"""Reloads of a running server under key exchanges, 50 a second: new certificates are served and no
exchange fails; what is wrong is refused whole, with the reason, within bounded time, and the old pair
serves on; the log's level changes; what needs a restart is named. At the end nothing has grown.

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

from harness import (BUILD, KE_PORT, SERVER_NAME, SERVER_V4, SERVER_V6, Program, Stopwatch, Tap, World,
                     wait_for)

PAIRS = 6
RATE = 50


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


class Authority:
    """Makes pairs that the clients trust, each with a number of its own."""

    def __init__(self, home):
        self.home = home
        self.root, self.key = home / "root.pem", home / "root-key.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "90", "-subj", "/CN=root", "-addext", "keyUsage=critical,keyCertSign",  # RFC 5280, 4.2.1.3
                "-keyout", self.key, "-out", self.root)
        self.extensions = home / "extensions"
        self.extensions.write_text(f"subjectAltName=IP:{SERVER_V4},IP:{SERVER_V6},DNS:{SERVER_NAME}\n")

    def pair(self, name, serial, days=90, kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        chain, key, request = (self.home / f"{name}{end}" for end in (".pem", ".key", ".csr"))
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-subj", f"/CN={SERVER_NAME}", "-keyout", key,
                "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.key, "-days", days,
                "-set_serial", serial, "-extfile", self.extensions, "-out", chain)
        return chain, key


class Reloads:
    def __init__(self, tap, world):
        self.tap, self.world = tap, world
        place = world.directory("pairs")
        self.authority = Authority(place)
        self.pairs = [self.authority.pair(f"pair{i}", 100 + i) for i in range(PAIRS)]
        self.install(self.pairs[0])
        world.configure()
        self.configured = world.configuration.read_text()
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

    def refused(self, what, words, limit=4.0):
        """Nothing changes, and the reason is said to the person and in the log."""
        watch = Stopwatch()
        answer = self.reload()
        took, soon = watch.took(), watch.within(limit)
        reason = (answer or {}).get("refused", "")
        self.tap.ok(answer is not None and answer["code"] == 1 and re.search(words, reason) and soon
                    and reason[:80] in self.log(), f"refused with its reason: {what}",
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
        path.write_text(self.configured.replace("rotate: 24h", "rotate: 12h").replace(
            "threads: 1", "threads: 2") + "log: {level: warning}\n")
        answer = self.reload()
        tap.equal(answer, {"applied": ["log.level"], "unchanged": ["control.certificates"],
                           "needs_restart": ["control.threads", "keys.rotate"], "code": 0},
                  "the log's level is applied; what needs a restart is named")
        answer = self.ctl("reload").stdout
        tap.equal(answer, "unchanged: control.certificates, log.level\n"
                  "needs a restart: control.threads, keys.rotate\n", "as text, once more")

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
        tap.ok("rotate: 1d" in shown and "threads: 1" in shown and "level: warning" in shown,
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
        second = self.authority.pair("second", 300, kind=("rsa:2048",))
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
        result = world.home / "load.json"
        load = Program("ntsperf", world.client.command(
            BUILD / "ntsperf", "ke", "--rate", RATE, "--duration", "10h", "--ca", reloads.authority.root,
            f"--json={result}", "--quiet", SERVER_V4), world.home / "ntsperf.log")
        world.programs.append(load)
        time.sleep(1)
        reloads.many(options.reloads)
        load.stop(signal.SIGINT, 20)
        got = json.loads(result.read_text())
        tap.ok(got["sent"] > 0 and got["sent"] - got["open"] == got["answered"] == got["verified"] and
               not got["lost"] and not got["late"] and not got["wrong"], f"no handshake of {got['sent']} at {RATE} a second failed",
               json.dumps(got)[:2000])
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
