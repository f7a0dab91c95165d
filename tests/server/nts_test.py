"""NTS requests and replies, rule by rule (checklist, sections 6 to 9), against the real server over
AF_XDP. The probe reads each reply as a strict client: "authenticated" means that every octet is as
it must be (RSP-1 to RSP-8)."""

import collections
import itertools
import json

from harness import SERVER_V6, Tap, World
from probe import KE_PORT, Probe

COOKIE = 100
MTU_PLACEHOLDERS = 11  # more do not fit one frame of 1500 octets


def explain(line):
    return json.dumps({k: v for k, v in line.items() if k != "cookies"})[:1200]


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world, self.probe = tap, world, Probe(world)
        self.keys = self.probe.ke()
        self.seen = collections.Counter()

    def given(self, cookie=None):
        return ["--c2s", self.keys["c2s"], "--s2c", self.keys["s2c"],
                "--cookie", cookie or self.keys["cookies"][0]]

    def ask(self, *arguments, cookie=None, timeout=250, address=None):
        lines = self.probe.nts(*self.given(cookie), "--timeout", str(timeout), *arguments,
                               address=address)
        self.seen.update(line["verdict"] for line in lines)
        return lines

    def one(self, verdict, text, *arguments, cookies=None, **options):
        # Silence is proven by waiting, an answer by coming: it may take its time.
        line = self.ask(*arguments, timeout=120 if verdict == "silence" else 1000, **options)[0]
        good = line["verdict"] == verdict
        if cookies is not None:
            good = good and len(line["cookies"]) == cookies
        self.tap.ok(good, f"{text}: {verdict}" +
                    (f", {cookies} cookies" if cookies is not None else ""), explain(line))
        return line

    def shape(self, verdict, text, fields, *arguments, **options):
        return self.one(verdict, text, "--fields", fields, *arguments, **options)

    def counters(self):
        return self.world.status()["counters"]

    def counted(self, name, text, act):
        before = self.counters()[name]
        act()
        self.tap.ok(self.counters()[name] > before, text)

    # section 6

    def fields(self):
        for length in (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 15, 18, 21, 65532, 65535):
            broken = f"f323{length:04x}" + "00" * 24
            self.shape("silence", f"EF-1: a field of length {length} among NTS fields",
                       f"uid,cookie,raw:{broken},auth")
            self.shape("silence", f"EF-1: and in a plain request", f"raw:{broken}")
        for rest in (8, 12, 16):
            self.shape("silence", f"EF-3: {rest} octets behind the header", f"raw:{'00' * rest}")
            self.shape("silence", f"EF-3: {rest} octets behind a field", f"ef:f323:24,mac:{rest}")
        self.shape("silence", "EF-3: a crypto-NAK", "raw:00000000")
        self.shape("silence", "EF-3: a crypto-NAK behind an identifier", "uid,raw:00000000")
        for rest in (20, 24):
            self.counted("dropped_mac", f"EF-6: a MAC of {rest} octets is counted",
                         lambda n=rest: self.shape("silence", f"EF-3, EF-6: a MAC of {n} octets",
                                                   f"mac:{n}"))
            self.shape("silence", "EF-6: behind an identifier and a cookie",
                       f"uid,cookie,mac:{rest}")
        self.shape("plain", "EF-3, EF-2: a field of 28 octets", "ef:f323:24")

        for kind in ("0000", "f323", "ffff", "010a", "0105"):
            self.shape("plain", f"EF-4: a field {kind} alone", f"ef:{kind}:24")
            self.shape("plain", f"EF-4: {kind} before an identifier", f"ef:{kind}:12,uid")
            for order in (f"ef:{kind},uid,cookie,auth", f"uid,ef:{kind},cookie,auth",
                          f"uid,cookie,ef:{kind}:12,auth"):
                self.shape("authenticated", f"EF-4, RSP-11: {order}", order, cookies=1)
        for version in (1, 2, 3):
            for trailer in (20, 24, 72, 28):
                self.shape("silence", f"EF-5: version {version} with {trailer} octets behind",
                           f"mac:{trailer}", "--version", version)
            self.shape("silence", f"NTS-13: NTS fields in version {version}", "uid,cookie,auth",
                       "--version", version)
        self.shape("authenticated", "EF-7: 20 small fields", "uid,cookie,ef:f323:12*20,auth",
                   cookies=1)
        self.shape("silence", "EF-7: 60 small fields", "uid,cookie,ef:f323:12*60,auth")
        self.shape("silence", "EF-7: 80 small fields in a plain request", "ef:f323:12*80,uid")

    # section 7

    def seal(self):
        tap = self.tap
        self.one("authenticated", "NTS-1: the common request", cookies=1)
        size = 228 * 8
        lines = self.ask("--flip", f"0:{size}", timeout=50)
        tap.equal(len(lines), size, "NTS-1: each bit of the request was flipped")
        wrong = [i for i, line in enumerate(lines) if line["verdict"] in ("authenticated", "bad")]
        tap.equal(wrong, [], "NTS-1: no flipped bit goes unnoticed")
        nak = {line["verdict"] for i, line in enumerate(lines) if 8 <= i < 384 or 416 <= i < 672}
        tap.equal(nak, {"nak"}, "NTS-1: a flipped bit of header or identifier: NAK")
        behind = self.ask("--fields", "uid,cookie,auth,ef:f323:24", "--flip", f"{size}:{size + 224}")
        tap.equal({line["verdict"] for line in behind}, {"authenticated"},
                  "NTS-1, NTS-8: a flipped bit behind the authenticator has no effect")
        self.one("nak", "NTS-2: sealed under S2C", "--key", "s2c")
        self.one("nak", "NTS-2: sealed under no key of ours", "--key", "random")

        # The field's body: 4 lengths, 16 nonce, 16 tag.
        for option, value in itertools.chain(
                (("--claim-nonce", n) for n in (0, 17, 18, 20, 24, 255, 32768, 65532, 65535)),
                (("--claim-cipher", n) for n in (0, 1, 4, 12, 15, 17, 20, 24, 32768, 65535))):
            self.one("silence", f"NTS-3: {option[2:]} {value}", option, value)
        for pad in (4, 8):
            self.one("silence", f"NTS-3: {pad} octets of padding, the nonce claims 4 more than fit",
                     "--pad", pad, "--claim-nonce", 16 + pad + 4)
            self.one("silence", f"NTS-3: and the ciphertext likewise", "--pad", pad,
                     "--claim-cipher", 16 + pad + 4)
            self.one("nak", f"NTS-3: the ciphertext claims all of it", "--pad", pad,
                     "--claim-cipher", 16 + pad)
        for field in (4, 8, 12, 16, 20, 24, 36, 39, 41, 42, 44):
            self.one("silence", f"NTS-3, EF-1: the field claims {field} octets", "--claim-field",
                     field)

        for nonce in (1, 2, 3, 4, 5, 8, 12):
            short = 16 - (nonce + 3) // 4 * 4
            self.one("authenticated", f"NTS-4: nonce of {nonce}, padded", "--nonce", nonce,
                     cookies=1)
            self.one("silence", f"NTS-4: nonce of {nonce}, not padded", "--nonce", nonce,
                     "--unpadded")
            if short > 4:
                self.one("silence", f"NTS-4: nonce of {nonce}, padding 4 short", "--nonce", nonce,
                         "--unpadded", "--pad", short - 4)
        for pad in (4, 16, 40, 400):
            self.one("authenticated", f"NTS-4: additional padding of {pad}", "--pad", pad,
                     cookies=1)
        for nonce in (13, 15, 17, 24, 64, 255, 600):
            self.one("authenticated", f"NTS-5: nonce of {nonce}", "--nonce", nonce, cookies=1)
        self.one("silence", "NTS-6: no nonce", "--nonce", 0)
        self.one("silence", "NTS-6: no nonce and no padding", "--nonce", 0, "--unpadded")

    def content(self):
        for inner, cookies in (("ph*2", 3), ("ph", 2), ("ef:f323:0,ph", 2), ("ef:f323:4", 1),
                               ("ph:0", 1), ("ph:96,ph:104", 1), ("ph=ff", 2), ("ph*9", 8)):
            self.one("authenticated", f"NTS-7: {inner} inside", "--inner", inner, cookies=cookies)
        self.one("authenticated", "NTS-7: placeholders inside and outside", "--fields",
                 "uid,ph*2,cookie,auth", "--inner", "ph*3", cookies=6)
        for what, inner in (
                ("a length of 0", "raw:03040000"), ("a length of 3", "raw:03040003"),
                ("a length that is uneven", "raw:0304000500000000"),
                ("a length past the end", "raw:03040068"), ("two octets", "raw:0304"),
                ("a right field and two octets", "ph,raw:0000"),
                ("an authenticator", "ef:0404:36"), ("an empty authenticator", "ef:0404:0"),
                ("an authenticator behind a placeholder", "ph,ef:0404:36")):
            self.one("silence", f"NTS-7: {what} inside", "--inner", inner)

    def table(self):
        tap = self.tap
        for fields, cookies in (
                ("uid,cookie,auth,ph*3", 1), ("uid,cookie,auth,ef:f323", 1),
                ("uid,cookie,auth,uid", 1), ("uid,cookie,auth,cookie", 1),
                ("uid,cookie,auth,auth", 1), ("uid,cookie,auth,mac:20", 1),
                ("uid,cookie,auth,mac:24", 1), ("uid,cookie,auth,raw:00000000", 1),
                ("uid,cookie,auth,raw:0304ffff", 1), ("uid,cookie,ph,auth,ph*3", 2)):
            self.shape("authenticated", f"NTS-8: {fields}", fields, cookies=cookies)
        self.shape("silence", "NTS-8: the identifier only behind", "cookie,auth,uid")
        self.shape("silence", "NTS-8: the cookie only behind", "uid,auth,cookie")

        for fields, cookies in (("uid,cookie,ph:96,auth", 1), ("uid,cookie,ph:104,auth", 1),
                                ("uid,cookie,ph:12,ph,ph:200,auth", 2),
                                ("uid,cookie,ph=ff*2,auth", 3)):
            self.shape("authenticated", f"NTS-9: {fields}", fields, cookies=cookies)
        for order in itertools.permutations(("uid", "cookie", "ph", "ef:f323")):
            self.shape("authenticated", f"NTS-10: {','.join(order)}", ",".join(order) + ",auth",
                       cookies=2)

        for length in (12, 16, 28, 260, 512, 1000):
            self.shape("silence", f"NTS-11: identifier of {length}", f"uid:{length},cookie,auth")
        for length in (32, 36, 64, 256):
            self.shape("authenticated", f"NTS-11: identifier of {length}",
                       f"uid:{length},cookie,auth", cookies=1)
        for length in (28, 32, 64, 256, 1000):
            line = self.shape("plain", f"NTS-11: identifier of {length} without NTS",
                              f"uid:{length}")
            tap.equal(line["reply_len"], 52 + length, "NTS-11: is echoed in whole")
        self.shape("silence", "NTS-11, EF-1: an empty identifier", "uid:0")

        for length in (0, 4, 8):
            self.shape("silence", f"NTS-12, EF-1: cookie of {length}", f"uid,cookie:{length},auth")
        naks = [n for n in (12, 16, 20, *range(24, 112, 4), 132, 164, 256, 1000) if n != COOKIE]
        wrong = [(n, line["verdict"]) for n in naks
                 for line in self.ask("--fields", f"uid,cookie:{n},auth", timeout=1000)
                 if line["verdict"] != "nak"]
        tap.equal(wrong, [], "NTS-12, CVE-2023-33192: a cookie of any other length: NAK")

        for fields in ("uid,cookie", "uid,auth", "cookie,auth", "auth", "cookie:100,ph"):
            self.shape("silence", f"decision table: only {fields}", fields)
        for fields in ("uid,uid,cookie,auth", "uid,cookie,cookie,auth",
                       "uid:32,uid:64,cookie,auth", "uid,uid"):
            self.shape("silence", f"decision table: {fields}", fields)
        for fields in ("", "ef:f323:24", "uid", "ef:f323:12,uid,ef:f323:24"):
            self.shape("plain", f"NAK-1: a plain request ({fields or 'header alone'}) is never "
                       "NAKed", fields)
        for mode in (0, 1, 2, 4, 5, 6, 7):
            self.shape("silence", f"NTS-13, NTP-3: mode {mode} with NTS", "uid,cookie,auth",
                       "--mode", mode)

    def naks(self):
        tap = self.tap
        for at in (0, 1, 2, 3, 4, 19, 20, 35, 36, 99):
            line = self.one("nak", f"NAK-1, CK-4: octet {at} of the cookie changed",
                            "--cookie-xor", at)
            tap.equal((line["reply_len"], line["leap"], line["stratum"], line["kiss"],
                       line["cookies"]), (84, 3, 0, "NTSN", []),
                      "NAK-1, NTP-5: 84 octets, LI 3, stratum 0, NTSN, no cookie")
        rest = self.keys["cookies"][0][8:]
        for key_id in ("00000000", "ffffffff"):
            self.one("nak", f"CK-4: key id {key_id}", cookie=key_id + rest)
        self.one("nak", "NAK-1: the identifier of 256 octets is echoed", "--key", "random",
                 "--fields", "uid:256,cookie,auth")
        other = self.probe.ke()
        line = self.ask(cookie=other["cookies"][0])[0]
        tap.equal(line["verdict"], "nak", "NTS-2: a cookie of another client's keys: NAK")

    def nak_causes(self):
        """P8: each NAK is counted under its cause and no other."""
        cookie = self.keys["cookies"][0]
        names = ("nak_unknown_key", "nak_cookie_length", "nak_cookie_tag", "nak_request_tag")
        causes = (
            ("nak_unknown_key", {"cookie": "00000000" + cookie[8:]}, ()),
            ("nak_unknown_key", {"cookie": "00000000" + cookie[8:]}, ("--inner", "ph")),
            ("nak_cookie_length", {}, ("--fields", "uid,cookie:96,auth")),
            ("nak_cookie_tag", {}, ("--cookie-xor", 25)),
            ("nak_cookie_tag", {}, ("--cookie-xor", 25, "--inner", "ph")),
            ("nak_request_tag", {}, ("--key", "random")),
            ("nak_request_tag", {}, ("--key", "random", "--inner", "ph")),
        )
        for cause, options, arguments in causes:
            before = self.counters()
            self.one("nak", f"P8: {cause} {' '.join(map(str, arguments))}".strip(), *arguments, **options)
            after = self.counters()
            more = {name: after[name] - before[name] for name in names if after[name] != before[name]}
            self.tap.equal(more, {cause: after["answered_nak"] - before["answered_nak"]},
                           f"P8: and counts as {cause}")

    def replies(self):
        tap = self.tap
        for n in range(MTU_PLACEHOLDERS + 1):
            want = min(8, 1 + n)
            self.shape("authenticated", f"RSP-3: {n} placeholders", f"uid,cookie,ph*{n},auth",
                       cookies=want)
            self.one("authenticated", f"RSP-3: {n} placeholders, encrypted", "--inner", f"ph*{n}",
                     cookies=want)
        # The kernel puts fragments together and hands the request over, if it would fit a frame.
        self.shape("authenticated", "CVE-2026-102483, RSP-3: 12 placeholders, in fragments", "uid,cookie,ph*12,auth",
                   cookies=8)
        for n in range(15, 31, 3):
            self.shape("silence", f"CVE-2026-102483, EF-8: {n} placeholders, longer than a frame",
                       f"uid,cookie,ph*{n},auth")
        self.shape("nak", "CVE-2026-102483: 30 placeholders as long as a cookie of 12",
                   "uid,cookie:12,ph:12*29,auth")

        first, again = self.ask("--repeat", 2, timeout=1000)
        tap.equal((first["verdict"], again["verdict"]), ("authenticated", "authenticated"),
                  "REPLAY-1: the same request twice: two answers")
        tap.equal(first["request"], again["request"], "REPLAY-1: the very same")
        tap.ok(first["nonce"] != again["nonce"] and
               not set(first["cookies"]) & set(again["cookies"]),
               "REPLAY-1, RSP-6: with another nonce and other cookies")

        lines = self.ask("--count", 150, "--fields", "uid,cookie,ph*7,auth", timeout=1000)
        cookies = [c for line in lines for c in line["cookies"]]
        tap.ok(len(cookies) == 1200 == len(set(cookies)), "RSP-5: 1200 cookies, no two the same",
               f"{len(cookies)}, {len(set(cookies))} distinct")
        tap.equal({len(c) for c in cookies}, {2 * COOKIE}, "RSP-4: all as long as the first")
        keys = {key["id"] for key in self.world.status()["keys"] if key["role"] == "current"}
        tap.equal({c[:8] for c in cookies}, {k.removeprefix("0x").rjust(8, "0") for k in keys},
                  "RSP-5, CK-4: the current key's id in front")
        bits = sum(int(c[8:], 16).bit_count() for c in cookies)
        total = len(cookies) * (COOKIE - 4) * 8
        tap.ok(abs(bits - total / 2) < 5 * (total / 4) ** 0.5,
               "RSP-5: the rest looks random", f"{bits} of {total} bits")
        at = collections.Counter((i, c[i:i + 2]) for c in cookies for i in range(8, 200, 2))
        tap.ok(max(at.values()) < 40, "RSP-5: and no octet of it is constant", at.most_common(1))
        nonces = [line["nonce"] for line in lines]
        tap.equal(len(set(nonces)), len(nonces), "RSP-6: no nonce twice")
        tap.ok(all(self.keys[k] not in line["reply"] for line in lines for k in ("c2s", "s2c")),
               "CK-1: neither key is ever on the wire")
        tap.ok(all(line["reply_len"] == line["request_len"] for line in lines),
               "RSP-7, RSP-9: replies as long as their requests, in one datagram",
               [line["reply_len"] for line in lines][:3])
        self.one("authenticated", "RSP-6, RSP-8: a reply shorter than its request", "--fields",
                 "uid,cookie,ef:f323:400,auth", cookies=1)
        self.one("authenticated", "NTP-11: random header fields", "--random-header", cookies=1)
        line = self.one("authenticated", "NTP-2: poll 17", "--poll", 17, cookies=1)
        tap.equal(line["poll"], 17, "NTP-2: poll is the request's")
        for port in (123, 1, 4460, 65535):
            self.one("authenticated", f"NTP-12: from port {port}", "--source-port", port,
                     cookies=1)

    def keys_of_suites(self):
        for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                      "TLS_CHACHA20_POLY1305_SHA256"):
            self.keys = self.probe.ke(None, "--suites", suite)
            self.one("authenticated", f"EXP-1, EXP-2: keys exported under {suite}", cookies=1)
        wrong = self.probe.ke(None, "--aead", "16")  # another context, another key
        wrong["c2s"], wrong["s2c"] = wrong["c2s"][:64], wrong["s2c"][:64]
        self.keys, good = wrong, self.keys
        self.one("nak", "EXP-1: keys of another context are others")
        self.keys = good
        for cookie in self.keys["cookies"]:
            self.one("authenticated", "REC-5b: each cookie of NTS-KE is good", cookie=cookie,
                     cookies=1)
        lines = self.probe.nts("--count", "3", address=SERVER_V6)
        self.tap.equal([line["verdict"] for line in lines], ["authenticated"] * 3,
                       "TLS-7, RSP-9: all over IPv6")
        # CK-1: a cookie's keys do not depend on where they are used.
        self.one("authenticated", "CK-1: a cookie got over IPv4 is good over IPv6",
                 address=SERVER_V6, cookies=1)


with Tap() as tap, World("nts") as world:
    world.start()
    children = world.children()
    tests = Tests(tap, world)
    tests.fields()
    tests.seal()
    tests.content()
    tests.table()
    tests.naks()
    tests.nak_causes()
    tests.replies()
    tests.keys_of_suites()
    tap.equal(tests.seen["bad"], 0, "RSP-1 to RSP-9: no reply broke a rule")
    counters = world.status()["counters"]
    ended = sum(n for name, n in counters.items() if name.startswith(("answered_", "dropped_")))
    tap.equal(ended, counters["frames_received"], "P8: every frame ended in exactly one counter")
    tap.equal(sum(n for name, n in counters.items() if name.startswith("nak_")),
              counters["answered_nak"], "P8: every NAK under exactly one cause")
    tap.equal(counters["dropped_longer"], 0, "RSP-7: no reply would have been too long")
    tap.equal(world.children(), children, "P2: no child has died")
