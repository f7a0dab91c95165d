"""Listeners that a service manager holds (systemd's socket units): a connection that comes while the server is
restarted waits, and is served afterwards. The test is the manager."""

import socket
import subprocess
import sys

from harness import BUILD, KE_PORT, SERVER_V4, Program, Tap, World, wait_for
from probe import exchange

# As systemd does: descriptors from 3 on, and the number of the process that they are for.
HAND_OVER = """
import os, sys
for to, at in enumerate(sys.argv[1].split(",")):
    os.dup2(int(at), 3 + to)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(1 + to), LISTEN_FDNAMES="a:b")
os.execv(sys.argv[2], sys.argv[2:])
"""


def listener(world, family, address):
    with world.server.entered():
        s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, KE_PORT))
    s.listen(100)
    return s


def start(world, sockets):
    high = [s.fileno() for s in sockets]
    world.noonmarkd = Program("noonmarkd", world.server.command(
        sys.executable, "-c", HAND_OVER, ",".join(map(str, high)), world.binary, "-c", world.configuration),
        world.home / "noonmarkd.log", pass_fds=high)
    world.programs.append(world.noonmarkd)


def connect(world):
    s = world.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(30)
    s.connect((SERVER_V4, KE_PORT))
    return s


with Tap() as tap, World("given_socket") as world:
    world.configure()
    sockets = [listener(world, socket.AF_INET, "0.0.0.0"), listener(world, socket.AF_INET6, "::")]
    start(world, sockets)
    tap.ok(wait_for(world.is_serving, 30), "the server starts with sockets that it is given", world.server_tail())
    tap.ok(exchange(connect(world)), "and serves NTS-KE there")
    tap.equal(world.stop(), 0, "it stops")
    waits = connect(world)
    start(world, sockets)
    tap.ok(exchange(waits), "a connection that comes while it is stopped waits, and is served afterwards")
    tap.ok(wait_for(world.is_serving, 30), "it serves again", world.server_tail())
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace(f', "[::]:{KE_PORT}"', ""))
    got = subprocess.run([BUILD / "noonmarkctl", "--socket", world.control_socket, "reload"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    tap.ok(got.returncode == 0 and wait_for(lambda: f"still listens at [::]:{KE_PORT}" in world.server_tail(), 30),
           "a reload that leaves one out names it", got.stdout + world.server_tail())
    tap.ok(exchange(connect(world)), "and the other one serves on")
    world.stop()

    for s in sockets:
        s.close()
    other = listener(world, socket.AF_INET, "127.0.0.77")
    start(world, [other])
    tap.ok(wait_for(lambda: world.noonmarkd.process.poll() is not None, 30), "a socket that control.listen does not name "
           "ends the start", world.server_tail())
    tap.ok("127.0.0.77" in world.server_tail(), "with a line that names it", world.server_tail())
