"""kill -9 of control before each system call by which it changes the key file: in a rotation, a revocation and an import. The
next control has the old set or the new one, whole, and opens all cookies of keys that stay. Also before each call by which
it writes its copy of a fleet's document. F1, F4, F13, CK-7.

The long form, which kills at all of them: key_kill_test.py --all"""

import os
import signal
import subprocess
import sys
import time

from etcd_world import document
from harness import BUILD, CONTROL_USER, PATIENCE_S, Tap, World, wait_for
from probe import Probe

ALL = "--all" in sys.argv
KILLAT = BUILD / "tests/server/killat"
SHORT = {"rotate": (6, 14), "revoke": (12,), "import": (15,)}


def held(path):
    """The ids in a key file (control/keys/key_file.h); None: there is none."""
    if not path.exists():
        return None
    octets = path.read_bytes()
    return {octets[64 + 48 * i:][:4].hex() for i in range(int.from_bytes(octets[20:24], "big"))}


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.probe = tap, world, Probe(world)
        self.verdicts = []

    def ctl(self, *words):
        return subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, "keys", *words],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90, check=False)

    def ids(self):
        status = wait_for(self.world.status, PATIENCE_S)
        return {key["id"] for key in status["keys"]}

    def old(self):
        return self.world.status()["keys"][-1]["id"]

    def imported(self):
        """A file of chronyd's keys; the id of the one that is taken."""
        ids = [(int.from_bytes(os.urandom(4), "big") & ~3) + i for i in range(4)]
        file = self.world.home / "ntskeys"
        file.write_text("NKS0\n15 0.0\n" + "".join(f"{i:08X} {os.urandom(32).hex()}\n" for i in ids))
        file.chmod(0o600)
        return file, {f"{i:08x}" for i in ids[:3]}

    def change(self, what):
        """The words of a change, and how a set is known to be the next one."""
        before = self.ids()
        if what == "rotate":
            return ["rotate"], lambda now: len(now - before) == 1 and len(before - now) <= 1
        if what == "revoke":
            old = self.old()
            return ["revoke", "--yes", "--id", old], lambda now: now == before - {old}
        file, ids = self.imported()
        return ["import", file], lambda now: now > before and now - before <= ids

    def kill(self, what, n):
        """Kills control before the nth call of a change. The calls until then; the last one is "killed" if it was."""
        if what == "revoke" and len(self.ids()) < 3:
            self.ctl("rotate")
        while what == "import" and len(self.ids()) > 4:
            self.ctl("revoke", "--yes", "--id", self.old())
        session, before = self.probe.ke(), self.ids()
        words, is_next = self.change(what)
        control = self.world.children()["control"]
        killer = subprocess.Popen([KILLAT, str(control), self.world.keys_file.parent, str(n)], stdout=subprocess.PIPE, text=True)
        try:
            killer.stdout.readline()
            said = self.ctl(*words)
            if said.returncode == 0:  # there are fewer calls
                os.kill(control, signal.SIGKILL)
            steps = killer.communicate(timeout=PATIENCE_S)[0].split()
        finally:
            killer.kill()
        wait_for(lambda: self.world.children().get("control", control) != control, PATIENCE_S)
        now, file = self.ids(), self.world.keys_file
        verdict = self.probe.nts("--c2s", session["c2s"], "--s2c", session["s2c"], "--cookie", session["cookies"][0])[0]["verdict"]
        whole = now == before or is_next(now)
        left = what != "revoke" or now == before or (held(file.with_name("keys.1")) or set()) <= now
        self.tap.ok(whole and left and verdict == "authenticated" and held(file) == now,
                    f"F4, CK-7: {what}, killed {f'before call {n} ({steps[-2]})' if 'killed' in steps else 'after the last call'}: "
                    f"{'the old' if now == before else 'the new'} set, whole; its cookies are good",
                    f"{before}\n{now}\n{held(file)}\n{verdict}\n{steps}\n{said}\n{self.world.server_tail()}")
        return steps

    def all(self):
        total = 0
        for what in ("rotate", "revoke", "import"):
            for n in range(1, 100) if ALL else SHORT[what]:
                steps = self.kill(what, n)
                if "killed" not in steps:
                    break
                total += 1
        self.tap.ok(total >= (45 if ALL else 4), f"F4: control was killed at {total} steps")
        self.tap.equal(self.world.status()["counters"]["answered_nak"], 0, "F4: and no NAK was sent")


class Fleet:
    """A document whose serial number rises; control has a copy of it."""

    def __init__(self, tap, world):
        self.tap, self.world, self.probe = tap, world, Probe(world)
        self.file, self.copy = world.runtime / "fleet" / "document", world.keys_file.with_name("keys.fleet")
        self.file.parent.mkdir(mode=0o755)
        self.secret, self.edges, self.serial = os.urandom(32).hex(), [int(time.time()) - 90000, int(time.time()) + 900000], 0
        text = world.configuration.read_text()
        world.configuration.write_text(text.replace("  keep:", f"  fleet: {{file: {self.file}}}\n  keep:"))

    def put(self, text):
        made = self.file.with_name("made")
        made.write_text(text)
        made.chmod(0o600)
        os.chown(made, *map(int, CONTROL_USER.split(":")))
        made.rename(self.file)

    def next(self):
        self.serial += 1
        return document(self.serial, self.edges, [self.secret], 86400)

    def kill(self, n):
        """Kills control before the nth call by which it writes the copy. The next control finds a bad file, and has the copy
        alone: the supervisor sleeps until that is so."""
        session, before, text = self.probe.ke(), self.copy.read_text(), self.next()
        control, supervisor = self.world.children()["control"], self.world.noonmarkd.pid
        killer = subprocess.Popen([KILLAT, str(control), self.copy.parent, str(n)], stdout=subprocess.PIPE, text=True)
        try:
            killer.stdout.readline()
            os.kill(supervisor, signal.SIGSTOP)
            self.put(text)
            steps = [line.strip() for line in iter(killer.stdout.readline, "")]
        finally:
            killer.kill()
        left = self.copy.read_text()
        self.put("x\n")
        os.kill(supervisor, signal.SIGCONT)
        wait_for(lambda: self.world.children().get("control", control) != control, PATIENCE_S)
        status = wait_for(self.world.status, PATIENCE_S)
        verdict = self.probe.nts("--c2s", session["c2s"], "--s2c", session["s2c"], "--cookie", session["cookies"][0])[0]["verdict"]
        self.tap.ok(left in (before, text) and f"\nserial {status['fleet']['serial']}\n" in left and
                    verdict == "authenticated", f"F4, F13: the document's copy, killed before call {n} ({steps[-2]}): "
                    f"{'the old' if left == before else 'the new'} one, whole; cookies are good",
                    f"{left}\n{status['fleet']}\n{verdict}\n{self.world.server_tail()}")

    def calls(self):
        """How many calls it takes to write the copy."""
        control = self.world.children()["control"]
        killer = subprocess.Popen([KILLAT, str(control), self.copy.parent, "1000"], stdout=subprocess.PIPE, text=True)
        killer.stdout.readline()
        text = self.next()
        self.put(text)
        wait_for(lambda: self.copy.read_text() == text, PATIENCE_S)
        time.sleep(1)  # the directory's sync comes after that
        killer.kill()
        return len(killer.communicate()[0].split())

    def all(self):
        self.put(self.next())
        self.world.start()
        n_calls = self.calls()
        for n in range(1, n_calls + 1):
            self.kill(n)
        self.tap.ok(n_calls >= 7, f"F4: the copy takes {n_calls} calls")
        self.tap.equal(self.world.status()["counters"]["answered_nak"], 0, "F4: and no NAK was sent")


with Tap() as tap, World("key_kill") as world:
    world.start()
    Tests(tap, world).all()
    world.stop()
    if ALL:
        Fleet(tap, world).all()
