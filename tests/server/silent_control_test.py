"""Control stopped, not killed: the dataplane serves on, but not for ever as if it knew the time (F28, F31)."""

import os
import signal
import time

from harness import Tap, World, wait_for
from probe import Probe


def exchanges(probe):
    """True when NTS-KE gives a client what it needs."""
    answer = probe.ke(None, "--timeout", "5000")
    return answer["well_formed"] and len(answer["cookies"]) == 8


def silent(tap, world, probe):
    # The least of several: a moment in which the core was off its CPU is in there too (F30).
    first = [world.sntp(timeout=1) for _ in range(8)]
    time.sleep(10)
    later = [world.sntp(timeout=1) for _ in range(8)]
    tap.ok(all(first + later) and all(r[0] >> 6 == 0 for r in later),
           "P3, F31: control silent for 10 s: served as before")
    tap.ok(exchanges(probe), "P3: and key exchanges with it")
    grown = [min(int.from_bytes(r[8:12], "big") for r in some if r) for some in (first, later)]
    tap.ok(grown[1] > grown[0], "F28: the root dispersion grows", grown)
    unsynchronised = wait_for(lambda: world.sntp(timeout=1)[0] >> 6 == 3, 40, 1)
    tap.ok(unsynchronised, "F28, NTP-4: after a while it says LI 3")
    line = probe.nts("--c2s", "00" * 32, "--s2c", "00" * 32, "--cookie", "00" * 100, address=None)[0]
    tap.equal(line["verdict"], "nak", "P3: and answers on")


with Tap() as tap, World("silent-control") as world:
    world.start()
    control = world.children()["control"]
    os.kill(control, signal.SIGSTOP)
    time.sleep(0.2)  # its threads stop one after another: the last line may be on its way
    try:
        silent(tap, world, Probe(world))
    finally:
        os.kill(control, signal.SIGCONT)
    tap.ok(wait_for(lambda: world.sntp(timeout=1)[0] >> 6 == 0, 5),
           "F28: control is back, and it is synchronised again")
