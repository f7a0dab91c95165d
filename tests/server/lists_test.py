"""What is answered at all: dataplane.allow and dataplane.deny, over AF_XDP, by the kernel's path, on ports that are
sockets, and in NTS-KE; and dataplane.nts_only. With --minute also dataplane.count_clients, which shows whole minutes."""

import os
import socket
import sys

from harness import CLIENT_IF, CLIENT_V4, CLIENT_V6, KE_PORT, NTP_PORT, SERVER_IF, SERVER_V4, SERVER_V6, Tap, World, wait_for
from probe import Probe

DENIED_V4, DENIED_V6 = "10.123.0.77", "fd6e:6d::77"
ELSEWHERE = "10.124.0.7"  # in neither list
LISTS = '[10.123.0.0/24, "fd6e:6d::/64"]', '[10.123.0.64/26, "fd6e:6d::77"]'
SOCKETS = f"    - socket: \"0.0.0.0:{NTP_PORT}\"\n    - socket: \"[::]:{NTP_PORT}\"\n"


def asked(namespace, address, source=None, timeout=0.2):
    """The reply to a plain request from that source; None: silence."""
    with namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(timeout)
        if source:
            s.bind((source, 0))
        try:
            s.connect((address, NTP_PORT))
            xmt = os.urandom(8)
            s.send(b"\x23" + bytes(39) + xmt)
            reply = s.recv(2048)
        except OSError:
            return None
    return reply if reply[24:32] == xmt else None


def configure(world, lines, **options):
    """With those lines below `dataplane`."""
    world.configure(**options)
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace("dataplane:\n", f"dataplane:\n{lines}", 1))


def counted(tap, world, place, name, n, text):
    """A counter comes to n, and stays there."""
    tap.ok(wait_for(lambda: world.status()[place][name] >= n, 5) and world.status()[place][name] == n, text,
           world.status()[place][name])


def sources(tap, world, what, place):
    """place: where the port's requests are counted."""
    before = world.status()[place]["dropped_denied"]
    for address, allowed, denied in ((SERVER_V4, CLIENT_V4, DENIED_V4), (SERVER_V6, CLIENT_V6, DENIED_V6)):
        tap.ok(asked(world.client, address, allowed, timeout=10), f"{what}: an allowed source is answered, {address}")
        tap.ok(asked(world.client, address, denied) is None, f"{what}: {denied} is not")
    tap.ok(asked(world.client, SERVER_V4, ELSEWHERE) is None, f"{what}: {ELSEWHERE}, in no list, is not")
    counted(tap, world, place, "dropped_denied", before + 3, f"{what}: the counter tells")


def key_exchange(tap, world):
    def closed(address, source):
        """A client that sends something gets the end of the connection, and no octet."""
        with world.client.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(10)
            s.bind((source, 0))
            try:
                s.connect((address, KE_PORT))
                s.send(b"\x16\x03\x01\x00\x05")
                return s.recv(100) == b""
            except ConnectionError:
                return True
            except TimeoutError:
                return False
    accepted = world.status()["ke"]["accepted"]
    for address, denied in ((SERVER_V4, DENIED_V4), (SERVER_V6, DENIED_V6)):
        tap.ok(closed(address, denied), f"NTS-KE: {denied} gets its connection closed")
    counted(tap, world, "ke", "denied", 2, "NTS-KE: the counter tells")
    tap.equal(world.status()["ke"]["accepted"], accepted, "NTS-KE: they are not among the accepted")


def kernel_path(tap, world):
    tap.ok(asked(world.server, SERVER_V4, SERVER_V4, timeout=10) is not None,
           "the kernel's path: this host is answered at an allowed address")
    tap.ok(asked(world.server, "127.0.0.1") is None, "the kernel's path: at one that is not, it is not")
    counted(tap, world, "kernel_path", "dropped_denied", 1, "the kernel's path: the counter tells")


def lists(tap, world):
    configure(world, "  allow: {}\n  deny: {}\n".format(*LISTS))
    world.start()
    for address in (DENIED_V4, ELSEWHERE):
        world.client.ip("addr", "add", f"{address}/24", "dev", CLIENT_IF)
    world.client.ip("addr", "add", f"{DENIED_V6}/64", "dev", CLIENT_IF, "nodad")
    world.server.ip("route", "add", f"{ELSEWHERE}/32", "dev", SERVER_IF)
    sources(tap, world, "AF_XDP", "counters")
    kernel_path(tap, world)
    key_exchange(tap, world)
    world.stop()
    configure(world, "  allow: {}\n  deny: {}\n".format(*LISTS), ports=SOCKETS)
    world.start()
    sources(tap, world, "a port that is a socket", "counters")


def nts_only(tap, world):
    configure(world, "  nts_only: true\n")
    world.start(wait=False)
    tap.ok(wait_for(world.is_serving, 20), "nts_only: it serves", world.server_tail())
    tap.ok(asked(world.client, SERVER_V4, CLIENT_V4) is None, "nts_only: a plain request is not answered")
    counted(tap, world, "counters", "dropped_plain", 1, "nts_only: the counter tells")
    probe = Probe(world)
    lines = probe.nts(*probe.trust())
    tap.equal([line["verdict"] for line in lines], ["authenticated"], "nts_only: one with NTS is")


def clients(tap, world):
    """Three addresses, and two of one IPv6 /64, in the last whole minute."""
    configure(world, "  count_clients: true\n")
    world.start()
    tap.equal(world.status()["dataplane"]["clients_minute"], 0, "count_clients: nothing before a minute is over")
    asking = [(SERVER_V4, CLIENT_V4), (SERVER_V4, DENIED_V4), (SERVER_V4, ELSEWHERE), (SERVER_V6, CLIENT_V6),
              (SERVER_V6, DENIED_V6)]

    def counted_all():
        for address, source in asking:
            asked(world.client, address, source)
        return world.status()["dataplane"]["clients_minute"] == 4
    tap.ok(wait_for(counted_all, 150, 5), "count_clients: four clients in a minute", world.status()["dataplane"])
    tap.equal(world.status()["dataplane"]["clients_hour"], 4, "count_clients: and in the hour")


with Tap() as tap, World("lists") as world:
    lists(tap, world)
    world.stop()
    nts_only(tap, world)
    if "--minute" in sys.argv:  # it takes one to two
        world.stop()
        clients(tap, world)
    tap.equal(world.stop(), 0, "it ends as it should")
