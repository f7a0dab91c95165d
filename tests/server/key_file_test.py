"""The key file on a real disk: damaged, of a wrong owner or rolled back when control starts again (F13), and a disk that is
full (F12). No client with a retained cookie notices."""

import os
import pathlib
import signal
import subprocess

from harness import BUILD, CONTROL_USER, PATIENCE_S, Tap, World, wait_for
from probe import Probe


def flip(octets):
    return octets[:200] + bytes([octets[200] ^ 1]) + octets[201:]


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.probe = tap, world, Probe(world)

    def ctl(self, *words):
        return subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=90)

    def file(self, name="keys"):
        """A file of the key directory, as control sees it: the disk is mounted for the server alone."""
        return pathlib.Path(f"/proc/{self.world.noonmarkd.pid}/root{self.world.keys_file.parent}/{name}")

    def ids(self):
        status = wait_for(self.world.status, PATIENCE_S)
        return {key["id"] for key in status["keys"]}

    def kill_control(self):
        """Its successor reads the key file."""
        before = self.world.children()["control"]
        os.kill(before, signal.SIGKILL)
        return wait_for(lambda: self.world.children().get("control", before) != before and self.world.status(), PATIENCE_S)

    def opened(self, session):
        line = self.probe.nts("--c2s", session["c2s"], "--s2c", session["s2c"], "--cookie", session["cookies"][0],
                              address=None)[0]
        return line["verdict"] == "authenticated"

    def damaged(self):
        """FILE is refused, and FILE.1, which a rotation has left, has all keys that have sealed a cookie."""
        oldest = self.file().read_bytes()
        owner = os.stat(self.file())
        cases = (
            ("torn", lambda octets: octets[:100], "its length is wrong"),
            ("empty", lambda octets: b"", "its length is wrong"),
            ("with a flipped bit", flip, "its checksum is wrong"),
            ("readable for others", lambda octets: os.chmod(self.file(), 0o644), "other users have rights to it"),
            ("of another owner", lambda octets: os.chown(self.file(), 0, 0), "Permission denied"),
            ("rolled back", lambda octets: oldest, "is older"),
        )
        for what, damage, reason in cases:
            if what == "rolled back":
                self.ctl("keys", "rotate")  # else FILE.1 is as old
            session, before = self.probe.ke(), self.ids()
            rotated = self.ctl("keys", "rotate")
            octets = damage(self.file().read_bytes())
            if octets is not None:
                self.file().write_bytes(octets)
            said = (self.world.home / "noonmarkd.log").read_text()
            self.kill_control()
            now = self.ids()
            said = (self.world.home / "noonmarkd.log").read_text()[len(said):]
            new = os.stat(self.file())
            self.tap.ok(rotated.returncode == 0 and now == before and reason in said and "cookie keys come from" in said and
                        self.opened(session) and (new.st_uid, new.st_mode & 0o777) == (owner.st_uid, 0o600),
                        f"F13: a key file {what} is refused: the previous generation opens all cookies", f"{before}\n{now}\n{said}")
        self.tap.equal(self.world.status()["counters"]["answered_nak"], 0, "F13: no NAK was sent")

    def full(self):
        """A full disk: the keys in use stay, and nothing is changed that is not durable."""
        before, session = self.ids(), self.probe.ke()
        filler = self.file("filler")
        with filler.open("wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(4096))
            except OSError:
                pass
        rotated, revoked = self.ctl("keys", "rotate"), self.ctl("keys", "revoke", "--yes")
        status = self.world.status()
        self.tap.ok(rotated.returncode == 1 and "No space left on device" in rotated.stderr and revoked.returncode == 1 and
                    "mend that first" in revoked.stderr and self.ids() == before and self.opened(session),
                    "F12: on a full disk no key is used that is not durable", f"{rotated}\n{revoked}\n{status['keys']}")
        self.tap.ok("FAILED" in self.ctl("keys").stdout and "cannot write key file" in self.world.server_tail(),
                    "F12: noonmarkctl keys and the log say so", self.world.server_tail())
        filler.unlink()
        self.kill_control()
        rotated = self.ctl("keys", "rotate")
        self.tap.ok(rotated.returncode == 0 and self.opened(session) and len(self.ids() - before) == 1,
                    "F12, F4: control killed in that state and the disk emptied: the same keys, and rotations again", rotated)
        self.tap.equal(self.world.status()["counters"]["answered_nak"], 0, "F12: no NAK was sent")


with Tap() as tap, World("key_file") as world:
    place = world.keys_file.parent
    place.mkdir()
    user, group = CONTROL_USER.split(":")
    disk = f"mount -t tmpfs -o size=20k,mode=700,uid={user},gid={group} none {place}"
    world.start(prefix=("sh", "-c", f'{disk} && exec "$@"', "sh"))
    tests = Tests(tap, world)
    tests.damaged()
    tests.full()
