"""20 rotations of the cookie keys, a second apart, under 1,000 clients that send 10,000 requests a
second over the veth; every reply is verified (F16, CK-5)."""

import json
import time

from harness import Tap, World
from probe import Probe

CLIENTS, RATE, SECONDS, ROTATIONS = 1000, 10000, 23, 20
JAR_LASTS_US = 7 * 1000000 * CLIENTS // RATE

with Tap() as tap, World("load") as world:
    # A thousand exchanges take longer than keys are kept at one rotation a second: the clients get
    # theirs from a server that does not rotate, and its successor goes on with the same keys.
    world.start()
    probe = Probe(world)
    load = probe.load("--clients", CLIENTS, "--rate", RATE, "--seconds", SECONDS, "--hold")
    try:
        ready = json.loads(load.stdout.readline())
        tap.ok(ready.get("ready"), f"REC-5b: {CLIENTS} clients have keys and cookies", ready)
        world.stop()
        # At ten requests a second and eight cookies no client needs old keys for long; the others are for
        # a machine that stands for some seconds.
        world.configure(rotate="1s", keep=6)
        world.start()
        load.stdin.write("\n")
        load.stdin.flush()
        tap.note(f"{ready.get('ke_seconds')} s for {CLIENTS} exchanges")
        seen = set()
        while load.poll() is None:
            status = world.status()
            if status:
                seen.update(k["id"] for k in status["keys"] if k["role"] == "current")
            time.sleep(0.3)
        report = json.loads(load.stdout.read().splitlines()[-1])
    finally:
        load.kill()
        load.wait()
    tap.note(json.dumps(report))
    status = world.status()
    tap.note(json.dumps({k: v for k, v in status["counters"].items() if v}))

    tap.ok(len(seen) > ROTATIONS and report["keys"] > ROTATIONS,
           f"CK-5, F16: there were {ROTATIONS} rotations, and clients saw each key",
           f"{len(seen)} seen in the status, {report['keys']} by clients")
    tap.ok(report["sent"] > 0.5 * RATE * SECONDS, f"F16: {RATE} requests a second were sent", report)
    tap.equal(report["nak"], 0, "CK-5, F16: no NAK")
    # What the kernel threw away, because the server or the client got no CPU for long, it has counted.
    thrown = report["own_drops"] + sum(port["rx_missed"] for port in status["ports"])
    tap.note(f"{thrown} packets were thrown away by the kernel")
    tap.ok(report["lost"] <= thrown, "F16: none was lost", f"{report['lost']} lost, {thrown} by the kernel")
    tap.equal((report["wrong"], report["plain"], report["kiss"], report["stray"]), (0, 0, 0, 0),
              "F16, RSP-1 to RSP-8: no reply was wrong")
    tap.equal(report["verified"], report["sent"] - report["lost"], "F16: every reply was verified")
    if report["latency_us"]["max"] < JAR_LASTS_US:
        tap.equal(report["reused"], 0, "RSP-3: no client ran out of cookies")
    else:
        tap.skip("RSP-3: no client ran out of cookies", "the machine stood for as long as eight cookies last")
    counters = status["counters"]
    tap.equal((counters["answered_nak"], counters["dropped_longer"]), (0, 0),
              "F16, RSP-7: nor did the server count a NAK or a reply too long")
