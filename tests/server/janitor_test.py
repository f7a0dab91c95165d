"""A test that is killed leaves no server, no namespace and no directory (janitor.py)."""

import pathlib
import subprocess
import sys

import janitor
from harness import Tap, World, wait_for


def victim():
    with World("janitor-victim") as world:
        world.start()
        (world.runtime / "sub").mkdir()
        print(world.noonmarkd.pid, *world.children().values(), flush=True)
        sys.stdin.read()


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def left(pid):
    return [path for place in (janitor.NAMESPACES, *janitor.PLACES) for path in janitor.left_by(pid, place)]


def main():
    with World("janitor"), Tap() as tap:  # skips where there is no root
        with subprocess.Popen([sys.executable, __file__, "victim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as test:
            pids = test.stdout.readline().split()
            tap.equal(len(left(test.pid)), 3, "a test has two namespaces and a directory")
            test.kill()
            test.wait()
            tap.ok(len(pids) == 4 and wait_for(lambda: not any(map(alive, pids)), 10),
                   "it is killed: its server ends", pids)
            tap.ok(wait_for(lambda: not left(test.pid), 10), "and its namespaces and directories go", left(test.pid))
            tap.equal(test.stdout.read(), "", "nothing is printed")


if sys.argv[1:] == ["victim"]:
    victim()
else:
    main()
