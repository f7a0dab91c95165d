"""kill -9 of each process under a client that sends 16 NTS requests a second and verifies every
reply, and of control under 50 key exchanges a second too (F1, F2: control's death costs no reply and
no key exchange, ke's no reply, the dataplane's two seconds at most)."""

import json
import os
import signal
import subprocess
import time

from harness import BUILD, SERVER_NAME, SERVER_V4, Stopwatch, Tap, World, wait_for
from probe import Probe

RATE = 16
KE_RATE = 50


def read(load):
    return json.loads(load.stdout.readline())


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.probe = tap, world, Probe(world)

    def under_load(self, seconds, act):
        """What act() returns and the load's report."""
        load = self.probe.load("--clients", "1", "--rate", RATE, "--seconds", seconds, "--linger",
                               "5000")
        try:
            if not read(load).get("ready"):
                raise RuntimeError("the load has no keys")
            time.sleep(1)
            result = act()
            return result, read(load)
        finally:
            load.kill()
            load.wait()

    def under_exchanges(self, seconds, act):
        """What act() returns, and ntsperf's report of KE_RATE key exchanges a second meanwhile."""
        load = subprocess.Popen(self.world.client.command(
            BUILD / "ntsperf", "ke", "--rate", KE_RATE, "--duration", f"{seconds}s", "--ca",
            self.world.certificate, "--name", SERVER_NAME, "--json", SERVER_V4),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            time.sleep(1)
            result = act()
            return result, json.loads(load.communicate(timeout=60)[0])
        finally:
            load.kill()
            load.wait()

    def kill(self, role):
        """Kills a child and waits for its successor's pid. True when there is one."""
        before = self.world.children()
        os.kill(before[role], signal.SIGKILL)
        return wait_for(lambda: self.world.children().get(role, before[role]) != before[role], 5)

    def exchanges(self):
        """True when NTS-KE gives a client what it needs."""
        answer = self.probe.ke(None, "--timeout", "5000")
        return answer["well_formed"] and len(answer["cookies"]) == 8

    def control(self):
        tap = self.tap
        for turn in range(2):
            before = self.world.children()
            keys = {k["id"] for k in self.world.status()["keys"]}

            def act():
                _, exchanges = self.under_exchanges(4, lambda: self.kill("control"))
                return exchanges

            exchanges, report = self.under_load(7, act)
            tap.equal((report["lost"], report["nak"], report["wrong"]), (0, 0, 0),
                      f"F1: control killed ({turn + 1}): 0 lost, 0 NAKs, 0 wrong")
            tap.ok(report["verified"] == report["sent"] > 80, "F1: every request was answered",
                   report)
            tap.ok(exchanges["answered"] == exchanges["sent"] >= 3 * KE_RATE and
                   not exchanges["lost"] and not exchanges["wrong"],
                   "F1: and no key exchange is lost", exchanges)
            after = self.world.children()
            tap.equal((after["dataplane"], after["ke"]), (before["dataplane"], before["ke"]),
                      "P3: the dataplane and ke went on as they were")
            status = wait_for(self.world.status, 5)
            tap.equal({k["id"] for k in status["keys"]}, keys, "CK-7, P5: the keys are the same")

    def ke(self):
        tap = self.tap
        for turn in range(2):
            before = self.world.children()

            def act():
                watch = Stopwatch()
                self.kill("ke")
                wait_for(self.exchanges, 10)
                return watch.within(1), str(watch)

            took, report = self.under_load(5, act)
            tap.equal((report["lost"], report["nak"], report["wrong"]), (0, 0, 0),
                      f"F1: ke killed ({turn + 1}): 0 lost, 0 NAKs, 0 wrong")
            tap.ok(report["verified"] == report["sent"] > 60, "F1: every request was answered",
                   report)
            tap.ok(took[0], "F1: KE answers again within 1 s", took[1])
            after = self.world.children()
            tap.equal((after["dataplane"], after["control"]),
                      (before["dataplane"], before["control"]),
                      "P3: the dataplane and control went on as they were")

    def dataplane(self):
        tap = self.tap
        for turn in range(2):
            before = self.world.children()
            watch = Stopwatch()
            _, report = self.under_load(8, lambda: self.kill("dataplane"))
            gap_s = watch.allowed(2) + 1 / RATE
            tap.ok(report["gap_ms"] <= 1000 * gap_s,
                   f"F2: dataplane killed ({turn + 1}): replies again within 2 s",
                   f"{report['gap_ms']} ms")
            tap.note(f"the gap was {report['gap_ms']} ms, {report['lost']} lost")
            tap.equal((report["nak"], report["wrong"]), (0, 0), "F2, CK-7: 0 NAKs, 0 wrong")
            tap.ok(report["lost"] <= RATE * gap_s + 1 and report["verified"] > 60,
                   "F2: nothing else is lost", report)
            after = self.world.children()
            tap.equal((after["control"], after["ke"]), (before["control"], before["ke"]),
                      "F2: control and ke went on as they were")

    def supervisor(self):
        tap, world = self.tap, self.world
        children = list(world.children().values())

        def act():
            world.stop(signal.SIGKILL)
            gone = wait_for(lambda: not any(alive(pid) for pid in children), 5)
            tap.ok(gone, "F2: the supervisor killed: all children end with it", children)
            watch = Stopwatch()
            world.start()
            return watch.within(5), str(watch)

        took, report = self.under_load(12, act)
        tap.ok(took[0], "F2: the next start serves within 5 s", took[1])
        tap.equal((report["nak"], report["wrong"]), (0, 0),
                  "F2, CK-7, P5: old cookies are good: 0 NAKs, 0 wrong")
        tap.ok(report["verified"] > 30, "F2: and answered again", report)

    def ending(self):
        world = self.world
        world.stop()
        self.tap.ok(not world.xdp_attached(), "F2: at the end no XDP program is left")
        left = [p for p in world.runtime.rglob("*.sock")]
        self.tap.equal(left, [], "F2: nor a socket")


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


with Tap() as tap, World("kill") as world:
    world.start()
    tests = Tests(tap, world)
    tests.control()
    tests.ke()
    tests.dataplane()
    tests.supervisor()
    tests.ending()
