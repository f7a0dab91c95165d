#!/usr/bin/env python3
"""noonmarkctl keys export against a server that takes the keys, refuses them, or says nothing: what is in the file then.
tests/server/chrony_move_test.py has the real server and chronyd. Prints TAP."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading

from points import report

CTL = pathlib.Path(os.environ["NOONMARK_BUILD"]) / "noonmarkctl"
KEYS = {"keys": [], "fleet": None, "next_rotation_s": 600}
TAKEN = {"imported": 1, "keys": 4, "current": "0000002a", "future": "0000002c", "wiped": []}
REFUSED = {"refused": "a rotation is under way"}
FORM = re.compile(r"NKS0\n15 0\.0\n([0-9A-F]{8} [0-9A-F]{64}\n){4}\Z")


class Place:
    """A directory with a server in it that gives these answers; None: it closes without one."""

    def __init__(self, before=None):
        self.kept = tempfile.TemporaryDirectory()
        self.directory = pathlib.Path(self.kept.name) / "files"
        self.directory.mkdir()
        self.file = self.directory / "ntskeys"
        if before is not None:
            self.file.write_text(before)

    def export(self, *answers, options=(), file=None):
        self.heard, self.then = [], []
        path = f"{self.kept.name}/socket"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)

        def serve():
            for answer in answers:
                peer, _ = listener.accept()
                self.heard.append(peer.recv(4096).decode())
                self.then.append(self.text())
                if answer is not None:
                    peer.sendall(json.dumps(answer).encode() + b"\n")
                peer.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        got = subprocess.run([CTL, "-s", path, "keys", "export", *options, file or self.file], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=30, check=False)
        listener.close()
        os.unlink(path)
        return got

    def text(self):
        return self.file.read_text() if self.file.exists() else None

    def names(self):
        return sorted(p.name for p in self.directory.iterdir())


def taken():
    place = Place()
    got = place.export(KEYS, TAKEN)
    text = place.text() or ""
    keys = [line.lower().split() for line in text.splitlines()[2:]]
    yield (got.returncode == 0 and FORM.match(text) and place.file.stat().st_mode & 0o777 == 0o600 and place.names() == ["ntskeys"],
           "the file is chronyd's, and its owner's alone", (got, place.names()))
    yield ([int(key, 16) % 4 for key, _ in keys] == [0, 1, 2, 3] and len({word for key in keys for word in key}) == 8,
           "the ids follow one another in their lowest bits, and no two keys are the same", keys)
    yield (place.heard == ["keys\n", f"keys import-seal {':'.join(keys[2])}\n"] and place.then == [None, text],
           "the third one is to seal, and the file is there before that", place.heard)
    yield ("until the next rotation, in 10 minutes" in got.stdout and "keys rotate" in got.stdout and
           not any(secret in got.stdout + got.stderr for _, secret in keys), "it says until when, and no key", got)
    other = Place()
    other.export(KEYS, TAKEN)
    yield other.text() != text, "other keys each time", None


def not_replaced():
    place = Place("old")
    got = place.export(KEYS)
    yield (got.returncode == 1 and "is there already" in got.stderr and place.heard == ["keys\n"] and place.text() == "old" and
           place.names() == ["ntskeys"], "a file that exists stays, and no key changes", got)
    got = place.export(KEYS, TAKEN, options=["--force"])
    yield (got.returncode == 0 and FORM.match(place.text()) and place.names() == ["ntskeys"], "--force replaces it", got)
    (place.directory / "link").symlink_to(place.file)
    text = place.text()
    got = place.export(KEYS, TAKEN, options=["--force"], file=place.directory / "link")
    yield (place.text() == text and not (place.directory / "link").is_symlink(), "a link is replaced, not what it names", got)


def refused():
    place = Place()
    got = place.export(KEYS, REFUSED)
    yield (got.returncode == 1 and "nothing has changed: a rotation is under way" in got.stderr and place.names() == [],
           "a refusal leaves no file", (got, place.names()))
    place = Place("old")
    got = place.export(KEYS, REFUSED, options=["--force"])
    yield (got.returncode == 1 and place.text() == "old" and place.names() == ["ntskeys"], "with --force the former one is back", got)
    place = Place("old")
    got = place.export({**KEYS, "fleet": {"serial": 1}}, options=["--force"])
    yield (got.returncode == 1 and "the keys are the fleet's" in got.stderr and place.text() == "old", "a fleet's keys are not exported", got)
    place = Place()
    got = place.export(KEYS, None)
    yield (got.returncode == 1 and FORM.match(place.text() or "") and "the file stays" in got.stderr,
           "without an answer the file stays: its key may be in use", got)
    got = place.export(KEYS, file=place.directory / "none" / "ntskeys")
    yield (got.returncode == 1 and "No such file" in got.stderr and place.heard == ["keys\n"], "no directory, no change", got)
    got = place.export(KEYS, options=["--seal"])
    yield got.returncode == 2 and "--seal to keys import" in got.stderr, "an option of keys import is refused", got


if __name__ == "__main__":
    sys.exit(report([*taken(), *not_replaced(), *refused()]))
