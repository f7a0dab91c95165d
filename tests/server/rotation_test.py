"""20 rotations of the cookie keys, a second apart, under a chronyd that sends 16 requests a second."""

import time

from harness import Tap, World, need_clients

need_clients("chrony")
ROTATIONS = 20

with Tap() as tap, World("rotation") as world:
    world.configure(rotate="1s", keep=6)
    world.start()
    client = world.chronyd(poll=-4)
    tap.ok(client.wait_synchronised(), "EXP-1: chronyd synchronises by NTS", client.explain())
    before = client.ntpdata()

    seen, wrong = [], []
    future = None
    end = time.monotonic() + 3 * ROTATIONS
    while len(seen) <= ROTATIONS and time.monotonic() < end:
        status = world.status()
        if status is None:
            continue
        roles = {}
        for key in status["keys"]:
            roles.setdefault(key["role"], []).append(key["id"])
        current = roles["current"][0]
        if not seen or seen[-1] != current:
            if seen and future not in (None, current):
                wrong.append(f"{current} became current, {future} was the future key")
            seen.append(current)
        future = roles["future"][0]
        if len(roles["current"]) != 1 or len(roles["future"]) != 1 or len(roles.get("old", ())) > 6:
            wrong.append(f"roles {roles}")
        time.sleep(0.1)

    tap.ok(len(seen) > ROTATIONS, f"CK-5: {ROTATIONS} rotations were seen", f"{len(seen) - 1}: {seen}")
    tap.ok(len(set(seen)) == len(seen), "CK-4: no key's id came back", seen)
    tap.ok(not wrong, "CK-5, CK-6: each current key had been the future key before, and never more "
           "than 6 old ones are kept", "\n".join(wrong))
    auth = client.authdata()
    tap.equal((auth["nak"], auth["key_id"], auth["cookie_length"]), (0, 1, 100),
              "CK-5, RSP-4: the client saw no NAK and needed no other KE; its cookies keep their length")
    after = client.ntpdata()
    sent, valid = (after[k] - before[k] for k in ("Total TX", "Total valid RX"))
    tap.ok(sent > 10 * ROTATIONS and sent - valid <= 1,
           "CK-5: and every request was answered", f"{sent} sent, {valid} valid\n{client.explain()}")
    tap.equal(world.status()["counters"]["answered_nak"], 0, "CK-5: no NAK was sent")
