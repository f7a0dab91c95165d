#!/usr/bin/env python3
"""The DPDK path (path_client.c) against a real noonmarkd: over AF_XDP on both ends of a veth, over
memif, and against itself where a neighbour has to answer. Prints TAP; root."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "server"))
from harness import (BUILD, CLIENT_IF, CLIENT_V4, SERVER_IF, SERVER_V4, SERVER_V6, Tap, World,  # noqa: E402
                     wait_for)

CLIENT = BUILD / "tests" / "perf" / "path" / "path_client"
PREFIX_V4, PREFIX_V6 = "10.123.4.0/22", "fd6e:6d:0:4::/64"  # the client's kernel has neither


class Client:
    """One path_client; what it printed is its result."""

    def __init__(self, namespace, device, server, **options):
        words = [f"{k}={v}" for k, v in options.items() if k != "tags"]
        words += [f"tag={tag}" for tag in options.get("tags", ())]
        self.process = subprocess.Popen(
            list(map(str, namespace.command(CLIENT, device, server, *words))), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self, timeout=120):
        out, self.noise = self.process.communicate(timeout=timeout)
        with contextlib.suppress(ValueError):
            return json.loads(out)
        return {"crashed": self.process.returncode, "said": out + self.noise}


def exchange(*arguments, **options):
    return Client(*arguments, **options).result()


def program(namespace, interface):
    """The name of the XDP program on an interface, or None."""
    got = json.loads(namespace.run("ip", "-d", "-j", "link", "show", "dev", interface,
                                   stdout=subprocess.PIPE).stdout)[0]
    return got.get("xdp", {}).get("prog", {}).get("name")


def all_answered(tap, got, n, endpoints, text):
    """No endpoint is silent, and most requests are answered. On a busy machine bursts go missing,
    wherever a ring is full: how many is no question of this test."""
    good = got.get("good", 0)
    if good < n:
        tap.note(f"{n - good} of {n} lost")
    return tap.ok(n // 2 <= good <= n and
                  (got["bad"], got["silent"], got["endpoints"]) == (0, 0, endpoints), text, got)


def refused(tap, got, words, text):
    return tap.ok(all(w in got.get("why", "") for w in words), f"{text}: one line says so", got)


def neighbour(namespace, interface, address):
    """Makes the kernel look for an address; the MAC address that it finds, or None once it has given up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with namespace.socket(family) as s:
        s.sendto(b"", (address, 9))

    def found():
        got = json.loads(namespace.run("ip", "-j", "neigh", "show", "to", address, "dev", interface,
                                       stdout=subprocess.PIPE).stdout)
        return got and ("FAILED" in got[0]["state"] or "lladdr" in got[0]) and got
    got = wait_for(found, 10)
    return got and got[0].get("lladdr")


def mac_of(namespace, interface):
    return json.loads(namespace.run("ip", "-j", "link", "show", "dev", interface,
                                    stdout=subprocess.PIPE).stdout)[0]["address"]


def test_own_address(world, tap):
    for family, server in (("IPv4", SERVER_V4), ("IPv6", SERVER_V6)):
        world.client.ip("neigh", "flush", "dev", CLIENT_IF)  # so that the kernel has to look
        running = Client(world.client, CLIENT_IF, server, n=2000, ports=50, linger=1)
        attached = wait_for(lambda: program(world.client, CLIENT_IF), 5)
        beside = wait_for(lambda: world.answers_ntp(server), 2)
        got = running.result()
        all_answered(tap, got, 2000, 50, f"{family}: the kernel's own address, 50 ports")
        tap.equal(attached, "noonmark_reply", f"{family}: while it runs its program is attached")
        tap.ok(beside, f"{family}: and the host's own NTP client is answered beside it")
        tap.equal(running.noise, "", f"{family}: nothing is said on stderr")
        tap.equal(program(world.client, CLIENT_IF), None, f"{family}: at its end it is detached")


def test_prefix(world, tap):
    world.server.ip("route", "add", PREFIX_V4, "dev", SERVER_IF)
    world.server.ip("-6", "route", "add", PREFIX_V6, "dev", SERVER_IF)
    got = exchange(world.client, CLIENT_IF, SERVER_V4, source=PREFIX_V4, n=10220)
    all_answered(tap, got, 10220, 1022, "all addresses of an IPv4 prefix that the kernel lacks")
    got = exchange(world.client, CLIENT_IF, SERVER_V6, source=PREFIX_V6, addresses=1000, ports=7, n=14000)
    all_answered(tap, got, 14000, 7000, "1,000 addresses of an IPv6 prefix with 7 ports")
    got = exchange(world.client, CLIENT_IF, SERVER_V4, source=PREFIX_V4, n=5000, flood=3,
              spoof="198.18.0.0/15")
    all_answered(tap, got, 5000, 1022, "beside a flood of spoofed addresses")
    tap.ok(got.get("flooded") == 15000 and 7500 <= got.get("spoofed_replies", 0) <= 15000,
           "replies to spoofed addresses are counted", got)

    mac = mac_of(world.client, CLIENT_IF)
    for server, prefix, addresses in ((SERVER_V4, PREFIX_V4, ("10.123.4.1", "10.123.7.254")),
                                      (SERVER_V6, PREFIX_V6, ("fd6e:6d:0:4::1", "fd6e:6d:0:4::ff:ffff"))):
        running = Client(world.client, CLIENT_IF, server, source=prefix, n=1, linger=3)
        wait_for(lambda: program(world.client, CLIENT_IF), 5)
        time.sleep(0.3)
        for address in addresses:
            tap.equal(neighbour(world.server, SERVER_IF, address), mac,
                      f"its neighbour finds {address}")
        other = "10.123.0.77" if server == SERVER_V4 else "fd6e:6d::77"
        tap.equal(neighbour(world.server, SERVER_IF, other), None, f"but not {other}")
        world.server.ip("neigh", "flush", "dev", SERVER_IF)
        tap.ok(neighbour(world.server, SERVER_IF, CLIENT_V4) == mac,
               "and the kernel answers for its own address")
        running.result()


def test_crash(world, tap):
    running = Client(world.client, CLIENT_IF, SERVER_V4, n=10, linger=20)
    wait_for(lambda: program(world.client, CLIENT_IF), 5)
    time.sleep(0.3)
    begun = time.monotonic()
    got = exchange(world.client, CLIENT_IF, SERVER_V4)
    refused(tap, got, [f"the ntsperf that was started as process {running.process.pid} uses it"],
            f"a second one on the interface ({time.monotonic() - begun:.1f} s)")
    tap.equal(program(world.client, CLIENT_IF), "noonmark_reply", "and the first goes on")
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    tap.ok(wait_for(lambda: program(world.client, CLIENT_IF) is None, 2), "a SIGKILL leaves no program")
    got = exchange(world.client, CLIENT_IF, SERVER_V4, n=100)
    all_answered(tap, got, 100, 1, "and nothing is in the way of the next start")
    got = exchange(world.server, SERVER_IF, CLIENT_V4)
    refused(tap, got, [f"the noonmarkd that was started as process {world.noonmarkd.pid} uses it"], "a noonmarkd serves the interface")
    tap.ok(world.answers_ntp(timeout=1), "and it serves on")


def test_leftovers(world, tap):
    """A run that has crashed leaves nothing in the way of the other program."""
    children = world.children()
    os.kill(world.noonmarkd.pid, signal.SIGSTOP)  # nobody is to be started again
    for pid in children.values():
        os.kill(pid, signal.SIGKILL)
    world.stop(signal.SIGKILL)
    tap.ok(wait_for(lambda: program(world.server, SERVER_IF) is None, 2), "a noonmarkd crashed: its program is gone")
    running = Client(world.server, SERVER_IF, CLIENT_V4, n=1, linger=20)
    tap.ok(wait_for(lambda: program(world.server, SERVER_IF) == "noonmark_reply", 5), "a tester can have its interface")
    running.process.kill()
    running.result()
    world.start()
    tap.equal(program(world.server, SERVER_IF), "noonmark_steer", "a tester crashed: the server starts all the same")


def test_refusals(world, tap):
    refused(tap, exchange(world.client, "nonesuch", SERVER_V4), ["no such network interface"],
            "no such interface")
    refused(tap, exchange(world.client, CLIENT_IF, "192.0.2.1"), ["no route to 192.0.2.1", "ip route"],
            "no route to the server")
    refused(tap, exchange(world.client, CLIENT_IF, CLIENT_V4), ["own address"], "a server that is here")
    begun = time.monotonic()
    got = exchange(world.client, CLIENT_IF, "10.123.0.99")
    refused(tap, got, ["10.123.0.99 does not answer ARP", "--server-mac"], "nobody answers ARP")
    tap.ok(time.monotonic() - begun < 5, "and it does not take long", time.monotonic() - begun)
    got = exchange(world.client, CLIENT_IF, "fd6e:6d::99")
    refused(tap, got, ["fd6e:6d::99 does not answer ND", "--server-mac"], "nobody answers ND")
    got = exchange(world.client, CLIENT_IF, SERVER_V4, source="10.123.0.0/24")
    refused(tap, got, ["--source", SERVER_V4], "a prefix that holds the server")
    got = exchange(world.client, CLIENT_IF, SERVER_V4, source=PREFIX_V6)
    refused(tap, got, ["IPv4", "--source"], "a prefix of the other family")
    got = exchange(world.client, CLIENT_IF, SERVER_V4, source=PREFIX_V4, addresses=2000)
    refused(tap, got, ["--source", "fewer"], "more addresses than the prefix has")
    got = exchange(world.client, "net_nonesuch0", SERVER_V4, source="192.0.2.2", mac="2:0:0:0:0:1")
    refused(tap, got, ["librte-net-"], "no such DPDK driver")


def test_memif_neighbour(world, tap):
    """Two path_clients: one answers for its addresses, the other looks for one of them."""
    for kind, ours, theirs, tags in (("ARP", "10.1.0.0/24", "10.2.0.0/24", ()),
                                     ("ND", "fd00:1::/64", "fd00:2::/64", (7, 8))):
        path = world.runtime / f"pair{kind}.sock"
        memif = f"socket={path},socket-abstract=no"
        network = {"tags": tags}
        own, other = ("10.1.0.9", "10.2.0.9") if kind == "ARP" else ("fd00:1::9", "fd00:2::9")
        answering = Client(world.client, f"net_memif0,role=server,{memif}", other, source=ours, n=0,
                        mac="02:00:00:00:00:01", linger=8, **network)
        wait_for(path.exists, 5)
        got = exchange(world.client, f"net_memif0,role=client,{memif}", own, source=theirs, n=1,
                  seconds=0.1, **network)
        tap.ok(got.get("sent") == 1 and got.get("endpoints", 0) > 250,
               f"memif: {kind} finds a neighbour, {len(tags)} VLAN tags", got)
        # 22.11's driver may crash an end whose peer leaves, so nothing is said of this one.
        answering.process.kill()
        answering.result()


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def test_memif(world, tap):
    world.stop()
    path = world.memif_directory() / "socket"
    device = f"net_memif0,role=client,socket={path},socket-abstract=no"
    world.configure(ports=f'    - vdev: "net_memif0,role=server,socket={path},socket-abstract=no,'
                          f'mac=02:00:00:00:00:01"\n'
                          "      addresses: [192.0.2.1, 2001:db8::1]\n")
    mac = {"mac": "02:00:00:00:00:01"}

    # The driver may crash the server when a client leaves; its supervisor starts it again.
    def fresh():
        if world.noonmarkd:
            old = list(world.children().values())
            world.stop(signal.SIGKILL)
            # The old dataplane removes the socket as it ends: it must not be the new one's.
            wait_for(lambda: not any(map(lives, old)), 5)
            path.unlink(missing_ok=True)
        world.start(wait=False)
        return wait_for(path.exists, 10) and wait_for(world.answers_ke, 5)

    fresh()
    refused(tap, exchange(world.client, device, "192.0.2.1", **mac), ["--source"], "memif: no source")
    got = exchange(world.client, device, "192.0.2.1", source="192.0.2.0/24", addresses=100)
    refused(tap, got, ["--source", "192.0.2.1"], "memif: a prefix that holds the server")
    got = exchange(world.client, device, "192.0.2.1", source="10.9.0.0/16", addresses=100)
    refused(tap, got, ["192.0.2.1 does not answer ARP; give its MAC address with --server-mac"],
            "memif: a noonmarkd answers no ARP")
    for text, server, options in (
            ("IPv4, 65,534 addresses", "192.0.2.1", {"source": "10.9.0.0/16", "n": 200000}),
            ("IPv6, 4 ports", "2001:db8::1", {"source": "fd00::/64", "addresses": 5000, "ports": 4,
                                              "n": 100000}),
            ("one VLAN tag", "192.0.2.1", {"source": "10.9.0.0/16", "addresses": 9, "tags": [100],
                                           "n": 50000}),
            ("two VLAN tags, IPv6", "2001:db8::1", {"source": "fd00::/64", "addresses": 9, "n": 50000,
                                                    "tags": [100, 4094]})):
        fresh()
        n = options["n"]
        endpoints = options.get("addresses", 65534) * options.get("ports", 1)
        got = exchange(world.client, device, server, window=512, seconds=10, **mac, **options)
        all_answered(tap, got, n, endpoints, f"memif: {text}: {n} requests are answered")


with Tap() as tap, World("path-port") as world:
    world.start()
    test_own_address(world, tap)
    test_prefix(world, tap)
    test_crash(world, tap)
    test_leftovers(world, tap)
    test_refusals(world, tap)
    test_memif_neighbour(world, tap)
    test_memif(world, tap)
