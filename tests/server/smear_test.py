"""Ports that smear leap seconds, beside one that does not, around the midnight that is nearest: a list of leap seconds
has one there. The clock itself makes no jump, so its expected times follow from the date alone. Prints TAP."""

import json
import os
import struct
import subprocess
import time

from harness import BUILD, NTP_PORT, SERVER_IF, SERVER_V4, SERVER_V6, Tap, World, need_clients, wait_for

need_clients("chrony")

DAY, UNIX_EPOCH = 86400, 2208988800
SMEARED = b"\x7f\x7f\x01\xff"

# Nobody can know the side of midnight within two seconds of it, and the clock makes no jump.
while (time.time() + 90) % DAY < 100:
    time.sleep(1)
MIDNIGHT = round(time.time() / DAY) * DAY


def smear(at):
    """What is added to UTC then: an inserted second, spread from noon to noon."""
    behind = at >= MIDNIGHT
    gone = at - (MIDNIGHT - DAY // 2) + behind
    return behind - min(max(gone / (DAY + 1), 0), 1)


def seconds(stamp):
    whole, fraction = struct.unpack(">II", stamp)
    return whole - UNIX_EPOCH + fraction / 2**32


def times(world, address):
    """Receive, transmit and reference time of a reply, against this clock."""
    before = time.time()
    reply = world.sntp(address)
    after = time.time()
    assert reply is not None, world.server_tail()
    middle = (before + after) / 2
    return reply, [seconds(reply[at:at + 8]) - middle for at in (32, 40, 16)], after - before


def write_list(world):
    # Control's user must be able to read it, wherever the checkout is.
    path = world.runtime / "leap" / "leap-seconds.list"
    path.parent.mkdir()
    path.write_text(f"#@\t{MIDNIGHT + 100 * DAY + UNIX_EPOCH}\n{MIDNIGHT - 900 * DAY + UNIX_EPOCH}\t36\n"
                    f"{MIDNIGHT + UNIX_EPOCH}\t37\t# invented\n")
    path.parent.chmod(0o755)
    path.chmod(0o644)
    return f"  leap_list: {path}\n"


def side_by_side(tap, world, extra):
    world.configure(extra=extra, ports=f'    - socket: "0.0.0.0:{NTP_PORT}"\n'
                                       f'    - {{socket: "[::]:{NTP_PORT}", leap: smear}}\n')
    world.start()
    expected = smear(time.time())
    tap.note(f"the smear is {expected:+.6f} s now")
    reply, (receive, transmit, _), took = times(world, SERVER_V4)
    tap.ok(max(abs(receive), abs(transmit)) < took + 1e-3 and reply[12:16] == b"TEST",
           "F29: a port that announces serves UTC", (receive, transmit, reply[12:16]))
    reply, got, took = times(world, SERVER_V6)
    tap.ok(max(abs(t - expected) for t in got[:2]) < took + 1e-3,
           "F29: both timestamps of one that smears are smeared", (got, expected))
    tap.ok(-0.5 < got[2] - expected <= took + 1e-3, "and its reference time", (got, expected))
    tap.equal((reply[0] >> 6, reply[1], reply[12:16]), (0, 1, SMEARED), "it says so by its reference alone")
    log = world.noonmarkd.log.read_text()
    tap.ok("SERVE A TIME THAT IS NOT UTC" in log and "smear the leap second at the end of" in log,
           "the log warns at the start", log)
    ctl = [BUILD / "noonmarkctl", "-s", world.control_socket]
    ports = json.loads(subprocess.check_output([*ctl, "ports", "--json"]))["ports"]
    tap.equal([p["smears"] for p in ports], [False, True], "noonmarkctl ports shows which port smears")
    tap.ok("leap       SMEARED" in subprocess.check_output([*ctl, "ports"], text=True), "as text, too")
    shown = world.status()["clock"]
    tap.ok(abs(shown["smear_ns"] / 1e9 - expected) < 0.01 and not shown["smear_lost"] and not shown["leap_list_bad"],
           "status shows by how much", shown)
    tap.ok("smear      " in subprocess.check_output([*ctl, "clock"], text=True), "as text, too")
    world.stop()


def of_an_interface(tap, world, extra):
    """A real client with NTS and in interleaved mode, whose departures are told later."""
    world.configure(extra=extra, ports=f"    - {{interface: {SERVER_IF}, leap: smear}}\n")
    world.start()
    client = world.chronyd(address=SERVER_V6, options="xleave noselect", poll=-4)

    def interleaved():
        return "Interleaved     : Yes" in client.show("ntpdata", SERVER_V6)

    tap.ok(wait_for(interleaved, 20), "a chronyd asks with NTS, in interleaved mode", client.explain())
    ahead = float(client.ask("sources")[0][8])
    expected = smear(time.time())
    tap.ok(abs(ahead + expected) < 5e-3, "F29: and finds its clock off by the smear", (ahead, expected))
    reply = None
    with world.server.socket() as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", NTP_PORT))
        s.send(b"\x23" + bytes(39) + os.urandom(8))
        reply = s.recv(2048)
    tap.ok(abs(seconds(reply[40:48]) - time.time() - smear(time.time())) < 1 / 3 and reply[12:16] == SMEARED,
           "what the kernel delivers is smeared as well", reply)
    world.stop()


with Tap() as tap, World("smear") as world:
    settings = write_list(world)
    side_by_side(tap, world, settings)
    of_an_interface(tap, world, settings)
