"""Clears away what a test leaves that was killed: its processes, network namespaces and directories. A process of its
own, which waits for the test's end and finds nothing when that was in order. What is the test's has its process id
in its name: nm-...-PID, nm-...-PID-..."""

import functools
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile

NAMESPACES = pathlib.Path("/run/netns")
PLACES = sorted({pathlib.Path("/run"), pathlib.Path("/tmp"), pathlib.Path(tempfile.gettempdir())})


def left_by(pid, place):
    """Its files and directories there."""
    named = re.compile(rf"nm-(.*-)?{pid}(-.*)?")
    return [path for path in place.iterdir() if named.fullmatch(path.name)] if place.exists() else []


def clear(pid):
    for namespace in left_by(pid, NAMESPACES):
        got = subprocess.run(["ip", "netns", "pids", namespace.name], stdout=subprocess.PIPE, text=True)
        for process in map(int, got.stdout.split()):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", namespace.name])
    for place in PLACES:
        for path in left_by(pid, place):
            shutil.rmtree(path, ignore_errors=True)


@functools.cache
def employ():
    """The one of this process. In a session of its own, because meson kills a test's whole process group."""
    pid = os.getpid()
    ended, kept = os.pipe()  # closes when this process ends; what it starts does not inherit it
    if os.fork() == 0:
        try:
            os.setsid()
            os.dup2(ended, 0)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
            os.read(0, 1)
            clear(pid)
        finally:
            os._exit(0)
    os.close(ended)
    return kept
