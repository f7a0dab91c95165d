"""A stock chronyd takes time by NTS: over IPv4, over IPv6, and while a third of all is lost."""

import time

from commands import Commands
from harness import SERVER_V4, SERVER_V6, Tap, World, need_clients, wait_for

need_clients("chrony")


def as_it_should(auth):
    return auth is not None and auth["mode"] == "NTS" and auth["key_id"] >= 1 and \
        auth["type"] == 15 and auth["key_length"] == 256 and auth["cookies"] == 8 and \
        auth["cookie_length"] == 100 and auth["nak"] == 0


def under_loss(client):
    """What it has counted before and after ten seconds."""
    before = wait_for(client.ntpdata, 10)
    time.sleep(10)
    return before, wait_for(client.ntpdata, 10)


with Tap() as tap, World("chronyd") as world:
    world.start()
    for name, address in (("IPv4", SERVER_V4), ("IPv6", SERVER_V6)):
        client = world.chronyd(name, address)
        tap.ok(client.wait_synchronised(),
               f"EXP-1, TLS-4, TLS-7: chronyd synchronises by NTS over {name}, reach 377",
               client.explain())
        tap.ok(wait_for(lambda: as_it_should(client.authdata()), 5),
               f"REC-4b, REC-5b, CK-2: over {name} its keys are AEAD 15 of 256 bits, it holds 8 "
               "cookies of 100 octets and has seen no NAK", client.explain())
        offset = client.source()["offset"]
        tap.ok(abs(offset) < 0.01, f"NTP-9: over {name} the offset within one machine is small",
               f"{offset} s")
        if name == "IPv6":
            Commands(tap, world, client).all()
        client.stop()

    world.lose(30)
    # Eight replies in a row, all its cookies, are lost to one client in fifty, to more on a machine that is
    # late; not to five.
    for attempt in range(5):
        client = world.chronyd(f"loss{attempt}", poll=-4)
        synchronised = client.wait_synchronised(timeout=90, reach=0)
        before, after = under_loss(client)
        sent, valid = (after[key] - before[key] for key in ("Total TX", "Total valid RX"))
        auth = wait_for(client.authdata, 10) or {}
        kept = sent > 80 and 0.4 < valid / sent < 0.95
        alone = (auth.get("nak"), auth.get("key_id")) == (0, 1)
        if synchronised and kept and alone or auth.get("nak"):
            break
        client.stop()
    tap.ok(synchronised, "EXP-1: chronyd synchronises by NTS while 30 % of what it should receive is lost, KE's "
           "segments too", client.explain())
    tap.ok(kept, "RSP-3: under the same loss replies keep the client in cookies",
           f"{sent} sent, {valid} valid\n{client.explain()}")
    tap.ok(alone, "CK-6: loss costs neither a NAK nor another KE", f"{auth}\n{client.explain()}")
