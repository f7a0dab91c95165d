#!/usr/bin/env python3
"""noonmarkctl drain: the hook is run once with "draining", requests are answered until they cease, then the server
ends; and noonmarkctl doctor beside it, as root and as another user. Prints TAP."""

import json
import pathlib
import shutil
import socket
import subprocess

from harness import BUILD, PATIENCE_S, Tap, World, wait_for

CTL = BUILD / "noonmarkctl"


def told(world):
    path = world.runtime / "told"
    return path.read_text().splitlines() if path.exists() else []


def say(world, line):
    """What the control socket answers."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE_S)
        peer.connect(str(world.control_socket))
        peer.sendall(line.encode() + b"\n")
        return peer.recv(4096).decode()


def ctl(world, *words):
    return subprocess.run(world.server.command(CTL, "-s", world.control_socket, *words),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=2 * PATIENCE_S)


def found(got, subject, level):
    """The findings of a doctor's JSON."""
    return [f for f in json.loads(got.stdout)["findings"] if f["subject"] == subject and f["level"] == level]


def doctor(tap, world):
    got = ctl(world, "doctor", "--json", "-c", str(world.configuration))
    tap.equal((got.returncode, json.loads(got.stdout)["fault"]), (0, 0), "doctor finds no fault in a server that serves")
    tap.ok(all(found(got, s, "ok") for s in ("server", "setup", "certificates", "cores", "interfaces", "queues", "sockets", "clock")),
           "doctor: the server, its files, cores, interface, ports and clock are good", got.stdout)
    tap.equal(len(found(got, "processes", "ok")), 3, "doctor: three processes without a right too many")
    tap.ok(not got.stderr, "doctor: nothing on standard error", got.stderr)
    # Wherever the checkout is, another user can reach these.
    program, configuration = (pathlib.Path(shutil.copy(f, world.runtime)) for f in (CTL, world.configuration))
    configuration.chmod(0o644)
    other = subprocess.run(world.server.command("setpriv", "--reuid=64735", "--regid=64735", "--clear-groups", program, "--json",
                                                "-s", world.control_socket, "-c", configuration, "doctor"),
                           stdout=subprocess.PIPE, text=True, timeout=2 * PATIENCE_S)
    seen = json.loads(other.stdout)
    tap.ok(seen["unseen"] > json.loads(got.stdout)["unseen"] and found(other, "server", "unseen"),
           "doctor: what another user cannot look at is said, not called good", other.stdout)
    missing = ctl(world, "doctor", "-c", "/nowhere.yaml")
    tap.ok(missing.returncode == 1 and "/nowhere.yaml" in missing.stdout, "doctor: no configuration is a fault", missing.stdout)


def drain(tap, world):
    tap.ok(wait_for(lambda: told(world) == ["healthy"], 10), "the hook was told that the clock is healthy")
    refused = say(world, "drain stop")
    tap.ok("refused" in refused and world.noonmarkd.alive(), "no stop without a drain", refused)

    first = subprocess.Popen([CTL, "-s", world.control_socket, "drain", "--timeout", "1h"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    answered = wait_for(lambda: world.sntp() and told(world)[-1] == "draining", 10, every=0.01)
    tap.ok(answered and world.sntp() is not None, "the hook is told of the drain, and requests are still answered")
    first.kill()  # before it finds the server calm
    first.communicate()
    tap.ok(world.sntp() is not None and wait_for(lambda: (s := world.status()) and s["draining"], 5),
           "without noonmarkctl the server goes on, and status says that it is draining")
    tap.ok("a stop is planned" in world.status_text(), "its text, too")
    back = ctl(world, "drain", "--cancel")
    tap.ok(back.returncode == 0 and wait_for(lambda: told(world) == ["healthy", "draining", "healthy"], 10),
           "a cancelled drain: the hook is told the clock's health again", back.stderr)
    tap.ok(world.answers_ntp(timeout=5) and not world.status()["draining"], "and the server serves on")

    reloads = [ctl(world, "reload").returncode for _ in range(2)]
    tap.equal((reloads, told(world)), ([0, 0], ["healthy", "draining", "healthy"]), "reloads that name the same hook do not run it")

    last = subprocess.Popen([CTL, "-s", world.control_socket, "--json", "drain"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    wait_for(lambda: world.sntp() and len(told(world)) == 4, 10, every=0.01)
    out, errors = last.communicate(timeout=3 * PATIENCE_S)
    tap.equal(last.returncode, 0, "once no request comes the drain has an end")
    result = json.loads(out)
    tap.ok(result["ended"] and not result["timed_out"] and result["hook"] and result["left_per_s"] <= result["before_per_s"] / 100,
           "it waited until the rate was below a hundredth", out + errors)
    status = world.stop()
    tap.equal(status, 0, "the server has ended with status 0")
    tap.equal(told(world), ["healthy", "draining", "healthy", "draining"], "the hook was run once for each drain")


def at_the_timeout(tap, world):
    (world.runtime / "told").unlink()
    world.start()
    busy = subprocess.Popen([CTL, "-s", world.control_socket, "--json", "drain", "--timeout", "2s"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    while busy.poll() is None:
        world.sntp(timeout=0.05)
    out, errors = busy.communicate(timeout=PATIENCE_S)
    tap.ok(busy.returncode == 0 and json.loads(out)["timed_out"], "requests that do not cease: stopped at the timeout", out + errors)
    tap.equal(world.stop(), 0, "with status 0, too")
    tap.equal(told(world)[-1:], ["draining"], "after the hook")
    wrong = [ctl(world, *words).returncode for words in (("drain", "--timeout", "2x"), ("drain", "--timeout", "25h"), ("drain", "-2"))]
    tap.equal(wrong, [2, 2, 2], "a timeout that is none: exit 2")
    nobody = ctl(world, "drain")
    tap.ok(nobody.returncode == 1 and "is noonmarkd running" in nobody.stderr, "without a server there is nothing to drain", nobody.stderr)


with Tap() as tap, World("drain") as world:
    hook = world.runtime / "hook"
    hook.write_text(f'#!/bin/sh\necho "$*" >>{world.runtime}/told\n')
    hook.chmod(0o755)
    world.configure(extra=f"  hook: {hook}\n")
    world.start()
    doctor(tap, world)
    drain(tap, world)
    at_the_timeout(tap, world)
