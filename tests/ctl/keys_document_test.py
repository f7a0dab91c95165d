#!/usr/bin/env python3
"""noonmarkctl keys derive, check and sum: the document of a fleet, held against HKDF from Python's hmac. Prints TAP."""

import hashlib
import hmac
import os
import pathlib
import subprocess
import sys
import tempfile

from points import report

CTL = pathlib.Path(os.environ["NOONMARK_BUILD"]) / "noonmarkctl"
SPANS = ["--span", "2098-12", "--span", "2099-01"]


def ctl(*words):
    return subprocess.run([CTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)


def hkdf(root, info):
    """RFC 5869, without a salt, 32 octets."""
    return hmac.new(hmac.new(bytes(32), root, hashlib.sha256).digest(), info + b"\1", hashlib.sha256).digest()


def expected(root):
    text = "noonmark-fleet 1\nserial 7\nrotate 12h\n"
    for span in ("2098-12-01T00:00Z 2099-01-01T00:00Z", "2099-01-01T00:00Z 2099-02-01T00:00Z"):
        text += f"{span} {hkdf(root, b'noonmark fleet span ' + span.encode()).hex()}\n"
    text += "revoke 1b2c3d4e\n"
    return text + f"sum {hashlib.sha256(text.encode()).hexdigest()}\n"


def summed(text):
    return text + f"sum {hashlib.sha256(text.encode()).hexdigest()}\n"


def main():
    with tempfile.TemporaryDirectory() as place:
        root, document = pathlib.Path(place, "root"), pathlib.Path(place, "document")
        root.write_bytes(os.urandom(32))

        def derive(*more):
            return ctl("keys", "derive", "--root", root, *more)

        def check(text):
            document.write_text(text)
            return ctl("keys", "check", document)

        made = derive(*SPANS, "--serial", "7", "--rotate", "12h", "--revoke", "1b2c3d4e")
        wanted = expected(root.read_bytes())
        good = check(made.stdout)
        edited = made.stdout.replace("serial 7", "serial 8\n# a comment")
        stale = check(edited)
        mended = ctl("keys", "sum", document)
        document.write_text(edited.partition("sum ")[0])
        mended_too = ctl("keys", "sum", document)
        again = check(mended.stdout)
        secret = wanted.split()[8]
        torn = check(made.stdout[:-20])
        ended = check(summed(f"noonmark-fleet 1\nserial 1\n2001-01-01T00:00Z 2002-01-01T00:00Z {secret}\n"))
        gap = derive("--span", "2098-12", "--span", "2099-02")
        default = derive("--span", "2099-12")
        short = pathlib.Path(place, "short")
        short.write_bytes(bytes(31))
        wrong = [derive(), ctl("keys", "derive", *SPANS), derive("--span", "2099-13"), derive("--span", "2099-1"),
                 derive("--span", "99-01-0"), derive(*SPANS, "--serial", "0"), derive(*SPANS, "--serial", "-1"),
                 derive(*SPANS, "--rotate", "0s"), derive(*SPANS, "--revoke", "12"), derive(*SPANS, "more"),
                 derive(*SPANS, "--no-such"), ctl("keys", "check"), ctl("keys", "sum", "a", "b")]
        shorter = ctl("keys", "derive", "--root", short, *SPANS)
        results = [
            (made.returncode == 0 and made.stdout == wanted, "derive: the document, by HKDF of the root", (made, wanted)),
            (default.returncode == 0 and "serial 1\nrotate 24h\n2099-12-01T00:00Z 2100-01-01T00:00Z" in default.stdout,
             "serial, rotation and the end of a year by default", default),
            (good.returncode == 0 and "serial 7, fingerprint " in good.stdout and " days more" in good.stdout and
             secret not in good.stdout, "check: a good document, and no secret", good),
            (stale.returncode == 1 and f"{document}:8: the sum is wrong" in stale.stderr, "check: one that was edited", stale),
            (torn.returncode == 1 and f"{document}:7: " in torn.stderr and not torn.stdout, "check: a torn one, with its line", torn),
            (ended.returncode == 1 and "the last span has ended" in ended.stderr, "check: one without a key for today", ended),
            (mended.returncode == 0 and again.returncode == 0 and "serial 8" in again.stdout and
             "# a comment" in mended.stdout, "sum: the right sum for an edited one", mended),
            (mended_too.stdout == mended.stdout, "sum: also where there was none", mended_too),
            (gap.returncode == 1 and "there is a gap" in gap.stderr and not gap.stdout, "derive: months without one between them", gap),
            (shorter.returncode == 1 and "32 to 256 octets" in shorter.stderr, "derive: a root that is too short", shorter),
            (all(got.returncode == 2 and not got.stdout for got in wrong), "wrong words: exit 2", wrong),
        ]
        return report(results)


if __name__ == "__main__":
    sys.exit(main())
