"""Ports that are sockets of the kernel: what a port answers, without any right of AF_XDP."""

import os
import pathlib
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "perf"))

from tester import Tester  # noqa: E402

from harness import CLIENT_IF, CLIENT_V4, CLIENT_V6, NTP_PORT, SERVER_IF, SERVER_NAME, SERVER_V4, SERVER_V6, \
    Tap, World, need_clients, wait_for  # noqa: E402

need_clients("chrony")

LACKS = "-net_admin,-net_raw,-bpf,-perfmon,-sys_admin"
WITHOUT_RIGHTS = ["setpriv", "--bounding-set", LACKS, "--inh-caps", LACKS]
BOTH = f"    - socket: \"0.0.0.0:{NTP_PORT}\"\n    - socket: \"[::]:{NTP_PORT}\"\n"
SECOND_V4, SECOND_V6 = "10.123.0.9", "fd6e:6d::9"


def asked(world, address, source=None, timeout=1):
    """Whether the address answers; the socket hears that address alone."""
    with world.client.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(timeout)
        if source:
            s.bind(source)
        try:
            s.connect((address, NTP_PORT))
            xmt = os.urandom(8)
            s.send(b"\x23" + bytes(39) + xmt)
            reply = s.recv(2048)
        except OSError:
            return False
    return len(reply) == 48 and reply[0] == 0x24 and reply[24:32] == xmt


def answers(tap, world):
    for address in (SECOND_V4, SECOND_V6):
        world.server.ip("addr", "add", address + ("/64" if ":" in address else "/24"), "dev", SERVER_IF,
                        *(["nodad"] if ":" in address else []))
    for address in (SERVER_V4, SERVER_V6, SECOND_V4, SECOND_V6):
        tap.ok(asked(world, address), f"a reply comes from the address that was asked, {address}")
    tap.ok(not asked(world, "10.123.0.255", timeout=0.3), "a broadcast is not answered")


def rights(tap, world):
    log = world.noonmarkd.log.read_text()
    tap.ok("root lacks" not in log and "error" not in log, "no right is missing", log)
    status = pathlib.Path(f"/proc/{world.children()['dataplane']}/status").read_text()
    tap.ok("CapEff:\t0000000000000000" in status, "the dataplane keeps none", status)
    tap.ok(not world.xdp_attached(), "no XDP program is attached")
    shown = world.status()
    port = shown["ports"][0]
    tap.equal((port["name"], port["driver"], port["state"], port["stamps"], port["departures"], port["link_up"]),
              (f"0.0.0.0:{NTP_PORT}", "kernel socket", "open", "kernel", "predicted", True),
              "status says what the port is")
    tap.equal((port["kind"], port["addresses_served"], port["addresses"]), ("socket", 1, ["0.0.0.0"]),
              "and its address")
    tap.ok(wait_for(lambda: world.status()["ports"][0]["stamped"] > 0, 5) and
           world.status()["ports"][0]["unstamped"] == 0, "RSP-13: the kernel stamps each request",
           world.status()["ports"])


def chronyd(tap, world):
    for name, address in (("chronyd4", SERVER_V4), ("chronyd6", SERVER_V6)):
        client = world.chronyd(name, address)
        tap.ok(client.wait_synchronised(), f"a chronyd synchronises by NTS, {address}", client.explain())
        tap.equal(client.authdata()["nak"], 0, "without a NAK")
        client.stop()


LOADS = tuple((command, bunch) for command in ("ntp", "nts") for bunch in (1, 32))


def containment(tap, world, loads=LOADS, rate=3000):
    tester = Tester(world)
    for command, bunch in loads:
        name = ["--name", SERVER_NAME] if command == "nts" else []
        a = tester.run(command, "--same-clock", "--rate", rate, "--bunch", bunch, "--duration", "1s", *name)
        s = a.json.get("same_clock")
        what = f"{command}, {bunch} at once"
        if not tap.ok(s and s["judged"] >= rate / 2 and not a["wrong"],
                      f"RSP-12: {what}: {s and s['judged']} exchanges judged", a.explain()):
            continue
        receive, transmit = s["receive_error_ns"], s["transmit_error_ns"]
        tap.note(f"{what}: T2 - T1 {receive['min']} / {receive['p50']} / {receive['p99.99']} ns, "
                 f"T3 - T4 {transmit['p0.01']} / {transmit['p50']} / {transmit['max']} ns")
        tap.ok(1 - s["contained"] <= 1e-3 and s["uncovered"] == 0 and s["order"] == 0,
               f"RSP-12: {what}: contained, or covered by the root dispersion", a.explain())
    tap.equal(world.status()["counters"]["stamps_refused"], 0, "RSP-13: no stamp was refused")


def nothing_else(tap, world):
    """The kernel discards what cannot be a request."""
    before = world.status()
    with world.client.socket() as s:
        s.connect((SERVER_V4, NTP_PORT))
        for _ in range(100):
            s.send(b"\x24" + bytes(47))
    tap.ok(wait_for(lambda: world.status()["ports"][0]["rx_missed"] >= before["ports"][0]["rx_missed"] + 100, 5),
           "replies are discarded and counted", world.status()["ports"])
    tap.equal(world.status()["counters"]["frames_received"], before["counters"]["frames_received"],
              "no core has seen one")


def dataplane_dies(tap, world):
    """A request waits for the next dataplane, if that comes within a second."""
    for _ in range(5):
        os.kill(world.children()["dataplane"], signal.SIGKILL)
        if asked(world, SERVER_V4, timeout=3):
            break
    else:
        tap.ok(False, "what was asked while no dataplane ran is answered", world.server_tail())
        return
    tap.ok(True, "what was asked while no dataplane ran is answered")
    tap.ok(wait_for(world.is_serving, 10), "the dataplane is there again")


def interface_goes(tap, world):
    before = world.children()
    world.server.ip("link", "del", SERVER_IF)
    time.sleep(1.5)  # the server looks at its ports once a second
    world.join((SERVER_IF, SERVER_V4, SERVER_V6), (CLIENT_IF, CLIENT_V4, CLIENT_V6))
    tap.ok(wait_for(lambda: asked(world, SERVER_V4) and asked(world, SERVER_V6), 10),
           "an interface that was made again: answered", world.server_tail())
    tap.equal(world.children(), before, "no process was started again")


def two_cores(tap, world):
    cores = sorted(os.sched_getaffinity(0))[-2:]
    if len(cores) < 2:
        tap.skip("two cores have a socket each", "one CPU")
        return
    world.stop()
    world.configure(ports=BOTH, cores=cores, idle="adaptive")
    world.start()
    tap.ok(all(asked(world, SERVER_V4 if i % 2 else SERVER_V6) for i in range(64)), "two cores: all is answered")
    status = world.status()
    tap.ok(len(status["cores"]) == 2 and all(c["answered_plain"] >= 8 for c in status["cores"]) and
           [p["queues"] for p in status["ports"]] == [2, 2],
           "two cores have a socket each of each port", [c["answered_plain"] for c in status["cores"]])


def sleeps_at_once(tap, world):
    """A core that polled on for a while after each request would take thousands of turns more."""
    def turns():
        return sum(core["turns"] for core in world.status()["cores"])

    asks, before, begun = 50, turns(), time.monotonic()
    for _ in range(asks):
        asked(world, SERVER_V4)
        time.sleep(0.005)
    took = turns() - before
    resting = 2 * 25 * (time.monotonic() - begun)  # turns of two cores that only sleep
    tap.ok(took <= 10 * asks + 2 * resting, "idle: adaptive: a core sleeps once its sockets are empty",
           f"{took} turns, {resting:.0f} of them at rest")
    # So close that the cores gather them.
    containment(tap, world, loads=[("nts", 1)], rate=16000)


def one_address(tap, world):
    world.stop()
    world.configure(ports=f"    - socket: \"{SECOND_V4}:{NTP_PORT}\"\n")
    world.server.ip("addr", "add", f"{SECOND_V4}/24", "dev", SERVER_IF)
    world.start(wait=False)
    tap.ok(wait_for(lambda: asked(world, SECOND_V4), 20), "a socket at one address: answered", world.server_tail())
    tap.ok(not asked(world, SERVER_V4, timeout=0.3), "and no other address is")


def wrong_address(tap, world):
    world.stop()
    world.configure(ports=f"    - socket: \"192.0.2.77:{NTP_PORT}\"\n")
    world.start(wait=False)
    tap.ok(wait_for(world.gave_up, 15) and "is not one of this machine" in world.noonmarkd.log.read_text(),
           "a socket at another host's address: it says so and ends", world.server_tail())


with Tap() as tap, World("socketport") as world:
    world.configure(ports=BOTH)
    world.start(prefix=WITHOUT_RIGHTS)
    answers(tap, world)
    rights(tap, world)
    chronyd(tap, world)
    containment(tap, world)
    nothing_else(tap, world)
    dataplane_dies(tap, world)
    counters = world.status()["counters"]
    ended = sum(n for name, n in counters.items() if name.startswith(("answered_", "dropped_")))
    tap.equal(ended, counters["frames_received"], "P8: every frame ended in exactly one counter")
    interface_goes(tap, world)
    two_cores(tap, world)
    sleeps_at_once(tap, world)
    one_address(tap, world)
    wrong_address(tap, world)
