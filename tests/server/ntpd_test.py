"""ntpsec's ntpd (1.2.2 and 1.2.3) takes time by NTS. It is the strictest of clients about lengths: what follows the
nonce is ciphertext to the packet's end, and cookies never change their length."""

from harness import Tap, World, need_clients, wait_for

need_clients("ntpsec", "python3-ntp")

with Tap() as tap, World("ntpd") as world:
    world.start()
    client = world.ntpd()
    tap.ok(wait_for(client.synchronised, 60, 0.5),
           "EXP-1, TLS-3: ntpd synchronises by NTS", client.explain())
    log = client.log.read_text(errors="replace")
    tap.ok("Got 8 cookies, length 100, aead=15" in log,
           "KE-9, REC-5b: ntpd reads 8 cookies of 100 octets from one TLS record", client.explain())
    tap.ok(wait_for(lambda: client.counter("NTS client recvs good") >= 12, 40, 0.5),
           "RSP-4, RSP-6: it accepts one reply after another", client.explain())
    tap.equal(client.counter("NTS client recvs w error"), 0, "RSP-6: and refuses none")
    tap.equal(client.counter("NTS KE client probes good"), 1, "KE-1: one KE was enough")
    tap.ok("ntscookies=8" in client.query("rv &1"), "RSP-3: it still holds 8 cookies",
           client.explain())
