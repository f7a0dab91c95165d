"""A stock chronyd takes time by NTS: over IPv4, over IPv6, and while a third of all is lost."""

import time

from harness import SERVER_V4, SERVER_V6, Tap, World, need_clients, wait_for

need_clients("chrony")


def as_it_should(auth):
    return auth is not None and auth["mode"] == "NTS" and auth["key_id"] >= 1 and \
        auth["type"] == 15 and auth["key_length"] == 256 and auth["cookies"] == 8 and \
        auth["cookie_length"] == 100 and auth["nak"] == 0


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
        client.stop()

    world.lose(30)
    client = world.chronyd("loss", poll=-4)
    tap.ok(client.wait_synchronised(timeout=90, reach=0),
           "EXP-1: chronyd synchronises by NTS while 30 % of what it should receive is lost, KE's "
           "segments too", client.explain())
    before = client.ntpdata()
    time.sleep(10)
    after = client.ntpdata()
    sent = after["Total TX"] - before["Total TX"]
    valid = after["Total valid RX"] - before["Total valid RX"]
    tap.ok(sent > 80 and 0.4 < valid / sent < 0.95,
           "RSP-3: under the same loss replies keep the client in cookies",
           f"{sent} sent, {valid} valid\n{client.explain()}")
    auth = client.authdata()
    if auth["nak"] == 0 and auth["key_id"] != 1:
        # Eight replies in a row, all its cookies, are lost to one client in fifty; not to two.
        client.stop()
        client = world.chronyd("loss again", poll=-4)
        client.wait_synchronised(timeout=90, reach=0)
        time.sleep(10)
        auth = client.authdata()
    tap.ok(auth["nak"] == 0 and auth["key_id"] == 1,
           "CK-6: loss costs neither a NAK nor another KE", client.explain())
