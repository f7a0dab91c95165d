#!/usr/bin/env python3
"""The shells' completion of noonmarkctl, held against --help: bash's is run in a bash, zsh's in a zsh where there is one.
Prints TAP."""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import time

from points import report

CTL = pathlib.Path(os.environ["NOONMARK_BUILD"]) / "noonmarkctl"
PLACE = pathlib.Path(__file__).parents[2] / "etc" / "completion"
PATIENCE_S = 30


def table():
    """{command: [words]}, and the long options, as --help lists them."""
    told = subprocess.run([CTL, "--help"], stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=True).stdout
    rows = (re.match(r"  ([a-z]+)(?: \[([a-z|]+)\])?  *(\S.*)", line) for line in told.split("\n\n")[2].splitlines())
    commands = {row[1]: (row[2].split("|") if row[2] else [], row[3]) for row in rows}
    return commands, re.findall(r"^ .*(--[a-z]+)", told, re.M)


def bash(*words):
    """What bash offers for the last of the words behind noonmarkctl, as its line editor would ask."""
    script = f"source {PLACE}/noonmarkctl.bash; complete -p noonmarkctl >/dev/null || exit 1; " \
        'COMP_WORDS=(noonmarkctl "$@"); COMP_CWORD=$#; _noonmarkctl noonmarkctl; printf "%s\\n" "${COMPREPLY[@]}"'
    got = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    return got.stdout.split() if got.returncode == 0 and not got.stderr else got


def in_bash(commands, options):
    offered = {name: bash(name, "") for name in commands}
    wanted = {name: words for name, (words, _) in commands.items()}
    yield bash("") == list(commands), "bash: every command is offered, in the order of --help", bash("")
    yield offered == wanted, "bash: behind each command its words", (offered, wanted)
    yield (sorted(bash("--")) == sorted(options) and "--once" in bash("top", "--") and "--once" not in bash("status", "--") and
           "--cancel" in bash("drain", "--") and "--cancel" not in bash("doctor", "--"),
           "bash: the options, each with its command", (bash("--"), bash("status", "--")))
    yield (bash("st") == ["status"] and bash("--json", "cl") == ["clock"] and bash("-s", "x", "ke") == ["keys", "ke"] and
           bash("--socket", "=", "x", "re") == ["reload"], "bash: the beginning of a word, behind options too", bash("-s", "x", "ke"))
    yield (bash("-s", f"{PLACE}/noon") == [f"{PLACE}/noonmarkctl.bash"] == bash("--socket", "=", f"{PLACE}/noon"),
           "bash: files for the socket", bash("-s", f"{PLACE}/noon"))
    yield bash("keys", "rotate", "") == [] and bash("nonsense", "") == [], "bash: nothing where nothing can follow", None


def zsh_lists(commands, options):
    """The text: it needs no zsh."""
    text = (PLACE / "_noonmarkctl").read_text()
    rows = dict(re.findall(r"^    '([a-z]+):(.*)'$", text, re.M))
    words = {name: row.split() for name, row in re.findall(r"^    ([a-z]+)\) _values 'word' ([a-z ]+) ;;$", text, re.M)}
    yield rows == {name: row for name, (_, row) in commands.items()}, "zsh: every command stands there with its help", rows
    yield words == {name: row for name, (row, _) in commands.items() if row}, "zsh: and its words", words
    yield all(option in text for option in options), "zsh: and the options", options


def in_zsh(commands):
    """Tabs in a zsh of its own."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(PS1="> ", TERM="dumb", PATH=f"{CTL.parent}:{os.environ['PATH']}")
        os.execlp("zsh", "zsh", "-f", "-i")
    os.write(master, f"fpath=({PLACE} $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=1000\n".encode())
    os.write(master, b"noonmarkctl \t\t")
    seen, end = "", time.monotonic() + PATIENCE_S
    while not all(f"{name} " in seen for name in commands) and time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 65536).decode(errors="replace")
    os.write(master, b"\x03exit\n")
    os.close(master)
    os.waitpid(pid, 0)
    yield all(f"{name} " in seen for name in commands), "zsh: Tab offers every command", seen[-2000:]


def main():
    commands, options = table()
    results = [*in_bash(commands, options), *zsh_lists(commands, options)]
    if shutil.which("zsh"):
        results += in_zsh(commands)
    else:
        results.append((None, "zsh: Tab offers every command", "there is no zsh"))
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
