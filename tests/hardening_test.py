#!/usr/bin/env python3
"""The programs are linked and compiled so that a mistake in them is hard to use. Prints TAP."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["NOONMARK_BUILD"])
PROGRAMS = ("noonmarkd", "noonmark-metrics", "noonmark-etcd", "noonmarkctl", "ntsperf")

WEAK = """
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) { char text[64]; strcpy(text, argv[argc - 1]); puts(text); return 0; }
"""
WEAK_ARGUMENTS = ["-O2", "-w", "-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-Wl,-z,norelro",
                  "-Wl,-z,lazy", "-Wl,-z,execstack"]


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], stdout=subprocess.PIPE, check=True, text=True).stdout


def measures(path):
    """{what: whether the program has it}"""
    header, segments, dynamic, symbols = (readelf(o, path) for o in ("-h", "-l", "-d", "--dyn-syms"))
    stack = re.search(r"GNU_STACK.*\b(R\w*) *0x", segments)
    return {
        "position independent": "DYN (" in header and "PIE" in dynamic,
        "relocations read-only": "GNU_RELRO" in segments,
        "bound at the start": re.search(r"FLAGS_1.*\bNOW\b", dynamic) is not None,
        "no code on the stack": stack is not None and stack.group(1) == "RW",
        "stack protector": "__stack_chk_fail" in symbols,
        "FORTIFY": re.search(r"__\w+_chk\b", symbols.replace("__stack_chk", "")) is not None,
    }


def main():
    print("TAP version 13")
    good = True
    results = [(program, [what for what, is_there in measures(BUILD / program).items() if not is_there])
               for program in PROGRAMS]
    for number, (program, missing) in enumerate(results, 1):
        print(f"{'not ok' if missing else 'ok'} {number} - hardening: {program} has every measure")
        for what in missing:
            print(f"# missing: {what}")
        good &= not missing
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["gcc", *WEAK_ARGUMENTS, "-x", "c", "-", "-o", f"{place}/weak"], input=WEAK, check=True,
                       text=True)
        there = [what for what, is_there in measures(f"{place}/weak").items() if is_there]
    print(f"{'not ok' if there else 'ok'} {len(results) + 1} - hardening: a program without any is found out")
    for what in there:
        print(f"# found: {what}")
    print(f"1..{len(results) + 1}")
    return 0 if good and not there else 1


if __name__ == "__main__":
    sys.exit(main())
