"""What is answered at all: dataplane.allow and dataplane.deny, over AF_XDP, by the kernel's path, on ports that are
sockets, and in NTS-KE; dataplane.nts_only, and the second port of dataplane.nts_port. With --minute also dataplane.count_clients, which shows whole minutes."""

import os
import signal
import socket
import subprocess
import sys

from harness import BUILD, CLIENT_IF, CLIENT_V4, CLIENT_V6, KE_PORT, NTP_PORT, SERVER_IF, SERVER_V4, SERVER_V6, Tap, \
    World, need_clients, wait_for
from probe import Probe

need_clients("chrony")

NTS_PORT = 4123

DENIED_V4, DENIED_V6 = "10.123.0.77", "fd6e:6d::77"
ELSEWHERE = "10.124.0.7"  # in neither list
LISTS = '[10.123.0.0/24, "fd6e:6d::/64"]', '[10.123.0.64/26, "fd6e:6d::77"]'
SOCKETS = f"    - socket: \"0.0.0.0:{NTP_PORT}\"\n    - socket: \"[::]:{NTP_PORT}\"\n"


def asked(namespace, address, source=None, timeout=0.2, port=NTP_PORT):
    """The reply to a plain request from that source; None: silence."""
    with namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(timeout)
        if source:
            s.bind((source, 0))
        try:
            s.connect((address, port))
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


def second_port(tap, world, what, place="counters", namespace=None):
    """A client of NTS comes there by the key exchange; a plain request gets nothing there."""
    client = world.chronyd(f"client{place}{len(world.programs)}", namespace=namespace)
    before = world.status()[place]
    tap.ok(client.wait_synchronised(), f"{what}: a chronyd synchronises by NTS", client.explain())
    tap.equal(client.authdata()["nak"], 0, f"{what}: without a NAK")
    client.stop()
    now = world.status()[place]
    tap.ok(now["answered_nts"] > before["answered_nts"] and
           now["to_nts_port"] - before["to_nts_port"] == now["frames_received"] - before["frames_received"],
           f"{what}: all its requests came to port {NTS_PORT}", f"{before} {now}")
    for address in (SERVER_V4, SERVER_V6):
        tap.ok(asked(namespace or world.client, address, port=NTS_PORT) is None,
               f"{what}: a plain request to port {NTS_PORT} is not answered, {address}")
        tap.ok(asked(namespace or world.client, address, timeout=10),
               f"{what}: one to port {NTP_PORT} is, {address}")
    counted(tap, world, place, "dropped_plain", now["dropped_plain"] + 2, f"{what}: the counter tells")


def after_a_restart(tap, world, what):
    """A new dataplane has the second port too."""
    starts = world.status()["dataplane"]["starts"]
    os.kill(world.children()["dataplane"], signal.SIGKILL)
    tap.ok(wait_for(lambda: world.status()["dataplane"]["starts"] > starts and world.is_serving(), 30),
           f"{what}: the dataplane is started again", world.server_tail())
    probe = Probe(world)
    before = world.status()["counters"]["answered_nts"]
    for address in (SERVER_V4, SERVER_V6):
        line = probe.nts(*probe.trust(), address=address)[0]
        tap.equal(line["verdict"], "authenticated", f"{what}: the new dataplane answers, {address}")
    counted(tap, world, "counters", "answered_nts", before + 2, f"{what}: by its cores")


def nts_port(tap, world):
    line = f"  nts_port: {NTS_PORT}\n"
    configure(world, line)
    world.start()
    second_port(tap, world, "nts_port, AF_XDP")
    second_port(tap, world, "nts_port, the kernel's path", "kernel_path", world.server)
    got = subprocess.run([BUILD / "noonmarkctl", "ports", "--socket", world.control_socket], stdout=subprocess.PIPE,
                         text=True).stdout
    tap.ok(f"with NTS alone at UDP port {NTS_PORT}" in got, "nts_port: noonmarkctl ports names it", got)
    after_a_restart(tap, world, "nts_port, AF_XDP")
    with world.server.socket() as s:
        try:
            s.bind(("", NTS_PORT))
            tap.ok(False, "nts_port: no other program can take it")
        except OSError:
            tap.ok(True, "nts_port: no other program can take it")
    world.stop()
    configure(world, line, ports=SOCKETS)
    world.start()
    second_port(tap, world, "nts_port, sockets")
    after_a_restart(tap, world, "nts_port, sockets")


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
    world.stop()
    nts_port(tap, world)
    if "--minute" in sys.argv:  # it takes one to two
        world.stop()
        clients(tap, world)
    tap.equal(world.stop(), 0, "it ends as it should")
