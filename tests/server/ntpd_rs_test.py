"""ntpd-rs 1.4 takes time by NTS. Its TLS is rustls, which trusts only what its option certificate-authority names,
and there takes a certificate that is no authority's; it refuses an authority's as the server's own."""

import pathlib
import subprocess

from harness import SERVER_NAME, SERVER_V4, SERVER_V6, Tap, World, need_clients, wait_for

need_clients("ntpd-rs")
REPLIES = 12


def synchronised(client):
    shown = client.ask()
    return shown is not None and shown["system"]["stratum"] == 2 and shown["system"]["leap_indicator"] == "NoWarning"


def follows(client, address):
    """Its source is the server, by NTS, and it misses neither cookies nor replies. A request may be under way."""
    source = client.source()
    return source is not None and source["address"] == address and source["nts_cookies"] == 8 and \
        source["unanswered_polls"] == 0


def takes_time(tap, world, name, address):
    before = world.status()
    client = world.ntpd_rs(name, address)
    tap.ok(wait_for(lambda: synchronised(client), 60, 0.2), f"EXP-1, TLS-7: ntpd-rs synchronises by NTS over {name}",
           client.explain())

    def counted(group, counter):
        return world.status()[group][counter] - before[group][counter]

    tap.ok(wait_for(lambda: counted("counters", "answered_nts") >= REPLIES, 60, 0.2),
           f"RSP-4, RSP-6: over {name} it asks {REPLIES} times", client.explain())
    tap.ok(wait_for(lambda: follows(client, f"[{address}]:123" if ":" in address else f"{address}:123"), 10, 0.05),
           f"RSP-3: over {name} it accepts the replies and holds 8 cookies", client.explain())
    tap.equal((counted("counters", "answered_nak"), counted("ke", "completed")), (0, 1),
              f"CK-6, KE-1: over {name} one KE was enough, and no request was refused")
    offset = client.source()["offset"]
    tap.ok(abs(offset) < 0.01, f"NTP-9: over {name} the offset within one machine is small", f"{offset} s")
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{client.pid}/status").read_text().splitlines() if ":\t" in line)
    tap.equal((int(status["CapBnd"], 16) >> 25 & 1, int(status["CapEff"], 16), status["Seccomp"]), (0, 0, "2"),
              f"over {name} it can set no clock")
    client.stop()


def refuses_an_authority(tap, world):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "90", "-subj", f"/CN={SERVER_NAME}", "-addext", f"subjectAltName=IP:{SERVER_V4}",
                    "-keyout", world.key, "-out", world.certificate], check=True, stderr=subprocess.DEVNULL)
    world.start()
    tap.ok("ntpd-rs, will refuse it" in world.server_tail(), "a certificate of an authority is served with a warning",
           world.server_tail())
    client = world.ntpd_rs("authority")
    tap.ok(wait_for(lambda: "CaUsedAsEndEntity" in client.log.read_text(errors="replace"), 20, 0.2),
           "and ntpd-rs refuses it, as the warning says", client.explain())


with Tap() as tap, World("ntpd-rs") as world:
    world.start()
    takes_time(tap, world, "IPv4", SERVER_V4)
    takes_time(tap, world, "IPv6", SERVER_V6)
    world.stop()
    refuses_an_authority(tap, world)
