"""What a restart of noonmarkd means to a client: nothing, while the keys are there; a NAK, another KE
and time again, when they are gone."""

import shutil

from harness import Tap, World, need_clients, wait_for

need_clients("chrony")

with Tap() as tap, World("restart") as world:
    world.start()
    # It spends a cookie a poll: at one a second its eight outlast the restart.
    client = world.chronyd(poll=0)
    tap.ok(client.wait_synchronised(), "EXP-1: chronyd synchronises by NTS", client.explain())

    tap.equal(world.stop(), 0, "SIGTERM ends noonmarkd with status 0")
    tap.ok(not world.xdp_attached(), "and SIGTERM takes the XDP program off the interface")
    tap.ok(wait_for(lambda: client.source()["reach"] & 1 == 0, 5),
           "CK-7: the client misses a reply meanwhile", client.explain())
    world.start()
    tap.ok(client.wait_synchronised(), "CK-7: after the restart its reach is 377 again",
           client.explain())
    auth = client.authdata()
    tap.equal((auth["nak"], auth["key_id"]), (0, 1),
              "CK-7: with its old cookies: no NAK, no other KE")
    tap.equal(world.status()["counters"]["answered_nak"], 0, "CK-7: and no NAK was sent")

    world.stop()
    shutil.rmtree(world.keys_file.parent)
    world.start()
    tap.ok(wait_for(lambda: world.status()["counters"]["answered_nak"] > 0, 10),
           "NAK-1, CK-9: cookies whose key is gone get a NAK", client.explain())
    tap.ok(wait_for(lambda: client.authdata()["key_id"] >= 2, 60),
           "NAK-2: the client comes back to KE", client.explain())
    tap.ok(client.wait_synchronised(), "NAK-2: and is synchronised again, reach 377",
           client.explain())
    auth = client.authdata()
    tap.equal((auth["mode"], auth["type"], auth["cookie_length"]), ("NTS", 15, 100),
              "RSP-4: by NTS, with cookies as long as before")
