"""OpenNTPD accepts the time. A reply with a negative delay is an error for OpenNTPD: it logs it, drops the
reply, and polls that server again after 50 minutes. The delay is negative when the server's transmit
timestamp lies after the reply's arrival.

It asks a new server every 5 to 9 s until eight replies have come, and takes it for valid after four.
Each address that it is given is a new server, so several of them make many polls in a short time.
openntpd_test.py --polls N waits for N replies."""

import argparse

from harness import SERVER_V4, SERVER_V6, Tap, World, need_clients, wait_for

REPLIES_EACH = 4  # what makes a server valid
SLOWEST_S = 9
NEGATIVE = "negative delay"

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--polls", type=int, default=24)
polls = max(2 * REPLIES_EACH, parser.parse_args().polls)
need_clients("openntpd")

with Tap() as tap, World("openntpd") as world:
    world.start()
    peers = -(-polls // REPLIES_EACH)
    client = world.openntpd(addresses=[(SERVER_V4, SERVER_V6)[i % 2] for i in range(peers)])

    def replies():
        return client.said("reply from .*: offset .* delay")

    def finished():
        return not client.alive() or client.said(NEGATIVE) or \
            (len(replies()) >= polls and len(client.said("now valid")) == peers)

    wait_for(finished, SLOWEST_S * REPLIES_EACH + 15, 0.2)
    tap.ok(client.alive(), "OpenNTPD runs", client.explain())
    tap.equal(client.said(NEGATIVE), [], "RSP-10: OpenNTPD finds no negative delay")
    tap.ok(len(replies()) >= polls, f"RSP-10: it accepts {polls} replies", client.explain())
    tap.equal(len(client.said("now valid")), peers, f"all {peers} servers become valid")
    tap.equal(client.said("now invalid|not synced|no reply"), [], "and stay valid")
    tap.ok(f"{peers}/{peers} peers valid" in client.show(), "ntpctl says so, too",
           client.explain())
    tap.note(f"{len(replies())} replies accepted")
