#!/usr/bin/env python3
"""testssl.sh, which others judge TLS servers with, against this one: it finds TLS 1.3 and nothing older (TLS-1), and with
--all no weak suite, no weakness that has a name, no resumption (TLS-2, TLS-5).

    testssl_test.py [--all]         minutes

It asks without ALPN, which ends after the handshake here (TLS-3).
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess

from harness import CLIENTS, KE_PORT, SERVER_V4, Tap, World, need_clients

need_clients("testssl.sh")
HOME = CLIENTS / "testssl.sh"
OLD = ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2")
# What it thinks of servers for browsers, and of certificates that no browser knows.
UNFIT = ("engine_problem", "cert_", "chain_of_trust", "OCSP", "DNS_CAA", "certificate_transparency", "overall_grade", "grade_")


def judge(world, *options):
    """{id: (severity, finding)} of a scan, and what was printed."""
    place = world.directory("testssl")
    # It wants a program that asks name servers, and has nothing to ask.
    dig = place / "dig"
    dig.write_text("#!/bin/sh\nexit 0\n")
    dig.chmod(0o755)
    found = place / "found.json"
    found.unlink(missing_ok=True)
    got = world.client.run("bash", HOME / "usr/bin/testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none",
                           *options, "--jsonfile", found, f"{SERVER_V4}:{KE_PORT}", check=False, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800,
                           env={**os.environ, "PATH": f"{place}:{os.environ['PATH']}",
                                "TESTSSL_INSTALL_DIR": str(pathlib.Path(HOME / "etc/testssl"))})
    rows = json.loads(found.read_text()) if found.exists() else []
    return {row["id"]: (row["severity"], row["finding"]) for row in rows}, got.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true", help="everything that it looks for")
    options = parser.parse_args()
    missing = [name for name in ("hexdump", "ps") if shutil.which(name) is None]
    if missing:
        print(f"1..0 # SKIP testssl.sh needs {', '.join(missing)}")
        return
    with Tap() as tap, World("testssl") as world:
        world.configure()
        world.start()
        found, said = judge(world, *(() if options.all else ("--protocols",)))
        wrong = {name: found.get(name) for name in OLD if found.get(name, ("", ""))[1] != "not offered"}
        tap.equal(wrong, {}, f"TLS-1: testssl.sh finds none of {', '.join(OLD)}")
        tap.ok(found.get("TLS1_3", ("", ""))[1].startswith("offered"), "TLS-1: and TLS 1.3", said[-3000:])
        bad = {name: what for name, what in found.items() if what[0] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL") and
               not name.startswith(UNFIT)}
        tap.equal(bad, {}, "TLS-2, TLS-5: and nothing that it calls a weakness")
        tap.ok(world.answers_ke(), "NTS-KE serves on")
        tap.equal(world.stop(), 0, "SIGTERM ends it with status 0")


main()
