"""dataplane.idle: adaptive. A core sleeps while nothing comes, and no request is lost or told a wrong
time for that: the XDP program has stamped its arrival."""

import os
import pathlib
import random
import struct
import time

from harness import SERVER_V4, Tap, World, wait_for

IDLE_S = 3
SHARE_MOST = 0.02
REQUESTS = 100
FIT_S = 1e-4  # control's line may be off by so much on a busy machine
UNIX_TO_NTP = 2208988800


def core_ticks(world):
    """CPU time of the polling thread, in clock ticks."""
    tasks = pathlib.Path(f"/proc/{world.children()['dataplane']}/task")
    for task in tasks.iterdir():
        if (task / "comm").read_text().startswith("core"):
            return sum(map(int, (task / "stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    raise RuntimeError("no core")


def idles(tap, world):
    before, begun = core_ticks(world), time.monotonic()
    time.sleep(IDLE_S)
    share = (core_ticks(world) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begun)
    tap.ok(share <= SHARE_MOST, f"an idle core uses 2 % of its CPU at the most ({share:.2%})")
    turns = world.status()["cores"][0]["turns"]
    tap.ok(wait_for(lambda: world.status()["cores"][0]["turns"] > turns, 2), "but it still turns")


def answers(tap, world):
    """Requests so far apart that the core sleeps between most of them."""
    wrong = []
    for i in range(REQUESTS):
        time.sleep(random.random() / 50)
        sent = time.time()
        reply = world.sntp(SERVER_V4, timeout=10)
        back = time.time()
        if reply is None:
            wrong.append("none")
            continue
        receive, transmit = (at / 2**32 - UNIX_TO_NTP for at in struct.unpack("!2Q", reply[32:48]))
        if not sent - FIT_S <= receive <= transmit <= back + FIT_S:
            wrong.append((receive - sent, transmit - receive, back - transmit))
    tap.equal(wrong, [], f"RSP-12: {REQUESTS} requests of which most wake it get the right times")
    wait_for(lambda: world.status()["ports"][0]["stamped"] >= REQUESTS, 3)
    tap.ok(world.all_stamped(), "RSP-13: all arrivals are stamped", world.status()["ports"])


with Tap() as tap, World("idle") as world:
    world.configure(idle="adaptive")
    world.start()
    idles(tap, world)
    answers(tap, world)
    tap.equal(world.stop(), 0, "it ends as it should")
