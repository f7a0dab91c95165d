"""A real load balancer in front of NTS-KE: HAProxy, with `send-proxy-v2 check` as docs/limits.md has it. Run by hand, with the
directory into which Debian's packages haproxy, liblua5.3-0 or liblua5.4-0 and the rest of its libraries are unpacked:

    tests/server/haproxy_test.py DIRECTORY"""

import os
import pathlib
import socket
import sys

import probe
from harness import CLIENT_V4, KE_PORT, SERVER_V4, Program, Tap, World, wait_for

BALANCED_PORT = 14460
ALLOWED, DENIED = "10.123.0.10", "10.123.0.11"

CONFIGURATION = """\
global
    stats socket {socket}
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend nts_ke
    mode tcp
    bind {client}:{port}
    default_backend nts_ke
backend nts_ke
    mode tcp
    server ke1 {server}:{ke_port} send-proxy-v2 check inter 200
"""


def exchange(world, source, port=BALANCED_PORT, address=CLIENT_V4):
    """Whether a client of that address gets cookies."""
    s = world.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(30)
    try:
        s.bind((source, 0))
        s.connect((address, port))
        return probe.exchange(s)
    except OSError:
        return False
    finally:
        s.close()


def start_balancer(world, directory):
    configuration = world.home / "haproxy.cfg"
    configuration.write_text(CONFIGURATION.format(socket=world.runtime / "haproxy.sock", client=CLIENT_V4, port=BALANCED_PORT,
                                                  server=SERVER_V4, ke_port=KE_PORT))
    libraries = ":".join(str(p) for p in directory.glob("usr/lib/*-linux-gnu"))
    program = Program("haproxy", world.client.command(directory / "usr/sbin/haproxy", "-db", "-f", configuration),
                      world.home / "haproxy.log", env={**os.environ, "LD_LIBRARY_PATH": libraries})
    world.programs.append(program)
    return program


def health(world):
    """What HAProxy thinks of the server, by its health checks: UP or DOWN; None before it answers."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(world.runtime / "haproxy.sock"))
            s.sendall(b"show stat\n")
            lines = s.makefile().read().splitlines()
        except OSError:
            return None
    rows = [dict(zip(lines[0].removeprefix("# ").split(","), line.split(","))) for line in lines[1:] if line]
    return next((r["status"].split()[0] for r in rows if r["svname"] == "ke1"), None)


def test(tap, world, directory):
    for address in (ALLOWED, DENIED):
        world.client.ip("addr", "add", f"{address}/24", "dev", "ask0")
    world.configure()
    text = world.configuration.read_text()
    text = text.replace("dataplane:\n", f"dataplane:\n  deny: [{DENIED}/32]\n")
    world.configuration.write_text(text.replace("control:\n", f"control:\n  proxy_from: [{CLIENT_V4}/32]\n"))
    world.start(wait=False)
    tap.ok(wait_for(world.is_serving, 30), "the server starts", world.server_tail())
    balancer = start_balancer(world, directory)
    tap.ok(wait_for(lambda: health(world) == "UP", 30), "HAProxy's health checks, LOCAL in their header, succeed",
           balancer.tail() + world.server_tail())
    tap.ok(exchange(world, ALLOWED), "a client is served through HAProxy", balancer.tail() + world.server_tail())
    tap.ok(not exchange(world, DENIED), "one whose own address is denied is not, though the balancer's is not denied")
    tap.ok(exchange(world, CLIENT_V4), "the balancer's own client is served, with its address in the header")
    tap.ok(not exchange(world, CLIENT_V4, KE_PORT, SERVER_V4), "the balancer without a header is not")
    tap.ok(exchange(world, ALLOWED, KE_PORT, SERVER_V4), "somebody else is, who connects without a balancer and a header")
    ke = world.status()["ke"]
    tap.ok(ke["denied"] >= 1 and ke["bad_proxy"] >= 1, "both refusals are counted", ke)
    world.stop()
    tap.ok(wait_for(lambda: health(world) == "DOWN", 30), "HAProxy sees that the server has stopped", balancer.tail())
    world.start(wait=False)
    tap.ok(wait_for(lambda: health(world) == "UP", 30), "and that it serves again", balancer.tail() + world.server_tail())
    tap.ok(exchange(world, ALLOWED), "a client is served again", balancer.tail())


with Tap() as tap:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    with World("haproxy") as world:
        test(tap, world, pathlib.Path(sys.argv[1]).resolve())
