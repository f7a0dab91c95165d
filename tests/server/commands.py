"""What noonmarkctl's commands say of a server that a chronyd asks: for a test that has both."""

import json
import re
import subprocess

from harness import BUILD, PATIENCE_S, wait_for


class Commands:
    def __init__(self, tap, world, client):
        self.tap, self.world, self.client = tap, world, client

    def ctl(self, *words):
        return subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=90)

    def object(self, *words):
        got = self.ctl("--json", *words)
        return json.loads(got.stdout) if got.returncode == 0 else {}

    def ports(self):
        text, told = self.ctl("ports"), self.object("ports")
        port = told["ports"][0]
        self.tap.ok(text.returncode == 0 and re.search(r"^serve0 +interface .* serving$", text.stdout, re.M) and
                    all(address in text.stdout for address in port["addresses"]) and
                    port["frames_received"] == port["stamped"] + port["unstamped"] > 0,
                    "ports: what the port is, and where it is served", f"{text.stdout}\n{port}")

    def keys(self):
        """A rotation on demand, which the client does not notice."""
        before, nak = self.object("keys"), self.client.authdata()["nak"]
        future = next(key["id"] for key in before["keys"] if key["role"] == "future")
        text = self.ctl("keys", "rotate")
        after = self.object("keys")
        roles = {key["role"]: key["id"] for key in after["keys"]}
        self.tap.ok(text.returncode == 0 and text.stdout.startswith(f"rotated: {future} seals now, {roles['future']}") and
                    roles["current"] == future and len(after["keys"]) == len(before["keys"]) + 1 and
                    after["next_rotation_s"] > before["rotate_s"] - PATIENCE_S and not after["failing"],
                    "CK-5: keys rotate: the future key seals, and a whole interval follows", f"{text}\n{before}\n{after}")
        sent = self.client.ntpdata()["Total valid RX"]
        self.tap.ok(wait_for(lambda: self.client.ntpdata()["Total valid RX"] > sent + 9, PATIENCE_S) and
                    self.client.authdata()["nak"] == nak, "CK-6: and the client gets replies on, without a NAK",
                    self.client.explain())
        shown = self.ctl("keys").stdout
        self.tap.ok(re.search(rf"^{future} +current ", shown, re.M) and re.search(r" old 1 ", shown) and
                    "next rotation in 23:" in shown, "keys: states, ages and the next rotation", shown)

    def revoke(self):
        """A key of the client's cookies, then all: it comes back after one NAK each."""
        refused = self.ctl("keys", "revoke")
        self.tap.ok(refused.returncode == 2 and "give --yes" in refused.stderr and
                    self.ctl("keys", "rotate", "--yes").returncode == 2 and
                    self.ctl("keys", "revoke", "--yes", "--id", "0123456x").returncode == 1,
                    "keys revoke: not without a question, nor an unknown key", refused)
        for one in (True, False):
            before = self.object("keys")["keys"]
            gone = [key["id"] for key in before if key["role"] == "current" or not one]
            exchanges = self.object("status")["ke"]["completed"]
            text = self.ctl("keys", "revoke", "--yes", *(("--id", gone[0]) if one else ()))
            after = self.object("keys")["keys"]
            roles = {key["role"]: key["id"] for key in after}
            self.tap.ok(text.returncode == 0 and text.stdout.startswith(f"revoked: {roles['current']} seals now") and
                        all(f"{key} is wiped" in text.stdout for key in gone) and "NTS-KE" in text.stderr and
                        not {key["id"] for key in after} & set(gone) and len(after) == (len(before) if one else 2),
                        f"keys revoke {'--id' if one else ''}: these keys are gone, and a new one seals", f"{text}\n{before}\n{after}")
            self.tap.ok(wait_for(lambda: self.object("status")["ke"]["completed"] > exchanges and
                                 self.client.authdata()["nak"] == 0 and self.client.synchronised(), PATIENCE_S),
                        "CK-9: the client gets a NAK, makes a new key exchange and is answered on", self.client.explain())
        self.tap.ok(self.object("status")["counters"]["nak_unknown_key"] > 0, "and the NAKs are counted",
                    self.object("status")["counters"])

    def ke(self):
        text, told = self.ctl("ke"), self.object("ke")
        shown = told["certificates"][0]
        self.tap.ok(text.returncode == 0 and told["ke"]["completed"] > 0 and shown["subject"] and
                    re.search(r"^(EC|RSA), \d+ bits$", shown["key"]) and re.search(r", \d+ days left$", text.stdout, re.M),
                    "ke: the sessions and the certificate", f"{text.stdout}\n{told}")

    def top(self):
        """The chronyd asks all the time."""
        watched = wait_for(lambda: (told := self.object("top")).get("replies_per_s", {}).get("nts", 0) > 0 and told, PATIENCE_S)
        text = self.ctl("top", "--once").stdout
        self.tap.ok(watched and watched["requests_per_s"] >= watched["replies_per_s"]["nts"] and
                    0 <= watched["cores"][0]["busy"] <= 1 and watched["idle"] == "poll" and
                    watched["clock"]["health"] == "healthy" and watched["dataplane_serving"] and
                    "healthy" in text and " poll: " in text, "top: what is answered, by whom and with which clock",
                    f"{watched}\n{text}")
        self.tap.note(f"top --once:\n{text}")

    def all(self):
        self.ports()
        self.keys()
        self.ke()
        self.top()
        self.revoke()
