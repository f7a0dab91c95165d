"""The commands of the documents that can be run are run: on a server, with its files at the places that the documents
name, or on a chronyd that is its client."""

import os
import subprocess

from harness import BUILD, CLIENTS, Tap, World, need_clients
from blocks import DOCUMENTS, blocks  # harness knows where it is

need_clients("chrony")

# `ip netns exec` has made a mount namespace, in which /run becomes the world's directory.
PLACES = 'mount --bind "$1" /run && cd "$2" && eval "$3"'


def run(world, client, command):
    """The command's exit status and what it printed, in the server's namespace or in the client's."""
    path = f"{BUILD}:{CLIENTS}/chrony/usr/bin:{os.environ['PATH']}:/usr/sbin:/sbin"
    command = command.removeprefix("sudo ")
    if client:
        command = command.replace("chronyc ", f"chronyc -h {client.socket} ", 1)
    where = world.client if client else world.server
    got = subprocess.run(where.command("sh", "-c", PLACES, "sh", world.runtime, world.directory("cwd"), command),
                         env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=60)
    return got.returncode, got.stdout


with Tap() as tap, World("docs") as world:
    (world.runtime / "noonmark").mkdir()
    (world.runtime / "noonmark/control.sock").symlink_to("../control.sock")
    world.configure(extra="metrics:\n  listen: 127.0.0.1:9460\n")
    world.start()
    client = world.chronyd()
    tap.ok(client.wait_synchronised(), "a client follows the server", client.explain())
    for block in (block for document in DOCUMENTS for block in blocks(document)):
        for command in block.commands() if block.words in (["sh", "run"], ["sh", "client"]) else ():
            status, printed = run(world, client if "client" in block.words else None, command)
            tap.ok(status == 0, f"{block.name}: {command}", f"exit status {status}\n{printed}")
        if block.words[:1] == ["chrony.conf"]:
            file = world.directory("cwd") / "chrony.conf"
            file.write_text(block.text)
            got = subprocess.run([CLIENTS / "chrony/usr/sbin/chronyd", "-p", "-f", file], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
            tap.ok(got.returncode == 0, f"{block.name}: chronyd takes the configuration", got.stdout)
