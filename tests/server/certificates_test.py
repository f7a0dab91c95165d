#!/usr/bin/env python3
"""Certificates whose files change (F14, F15): they are served without a reload, whatever way a tool replaces
them, under key exchanges, 50 a second, of which none fails. Files that do not fit together are not
served, and the old pair serves on. Then several pairs, and which of them a client gets (TLS-4).

    certificates_test.py [--rounds N]       2 without
"""

import argparse
import os
import pathlib
import re
import socket
import ssl
import subprocess
import time

from authority import Authority
from ke_exchanges import Exchanges
from harness import BUILD, KE_PORT, ROOT, SERVER_NAME, SERVER_V4, Tap, World, wait_for

RATE = 50
PAIRS = 3


def point(link, target):
    """As certbot and Kubernetes do it: another link takes the name."""
    aside = link.with_name(link.name + ".aside")
    aside.symlink_to(target)
    aside.replace(link)


class Files:
    def __init__(self, tap, world):
        self.tap, self.world = tap, world
        self.place = world.directory("files")
        self.authority = Authority(self.place)
        self.pairs = [self.authority.pair(f"pair{i}", 100 + i) for i in range(PAIRS)]
        # chain.pem -> pairI.pem as certbot has it; key.pem -> ..data/key.pem, ..data -> ..I as Kubernetes.
        for i, (_, key) in enumerate(self.pairs):
            (self.place / f"..{i}").mkdir()
            (self.place / f"..{i}/key.pem").symlink_to(key)
        world.certificate, world.key = self.place / "chain.pem", self.place / "key.pem"
        world.key.symlink_to("..data/key.pem")
        self.chain(0)
        self.key(0)
        world.configure()
        self.served_now = 0

    def chain(self, i):
        point(self.world.certificate, self.pairs[i][0])

    def key(self, i):
        point(self.place / "..data", f"..{i}")

    def served(self):
        """The number of the pair that a new handshake gets."""
        context = ssl.create_default_context(cafile=self.authority.root)
        context.set_alpn_protocols(["ntske/1"])
        with self.world.client.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(5)
            s.connect((SERVER_V4, KE_PORT))
            with context.wrap_socket(s, server_hostname=SERVER_NAME) as session:
                got = session.getpeercert(True)
        return [ssl.PEM_cert_to_DER_cert(chain.read_text()) for chain, _ in self.pairs].index(got)

    def log(self, mark=0):
        return self.world.noonmarkd.log.read_text(errors="replace")[mark:]

    def becomes(self, i):
        return wait_for(lambda: self.served() == i, 5)

    def held(self):
        """{process: open descriptors}, connections under way left out: the least of some looks."""
        least = {}
        for _ in range(20):
            for name, pid in {"supervisor": self.world.noonmarkd.pid, **self.world.children()}.items():
                if name != "reload":
                    least[name] = min(least.get(name, 1 << 30), len(os.listdir(f"/proc/{pid}/fd")))
            time.sleep(0.02)
        return least

    def memory(self):
        """Of ke, in KiB."""
        status = pathlib.Path(f"/proc/{self.world.children()['ke']}/status").read_text()
        return int(re.search(r"^VmRSS:\s*(\d+)", status, re.M).group(1))

    def renewals(self, rounds):
        tap, world = self.tap, self.world
        # The configuration that is in force counts, not one that somebody edits.
        configured = world.configuration.read_text()
        world.configuration.write_text(configured + "nonsense: [\n")
        before, held = world.children(), None
        for i in range(1, rounds + 1):
            new = i % PAIRS
            self.chain(new)
            time.sleep(0.3)
            self.key(new)
            tap.ok(self.becomes(new), f"F15: new files are served without a reload ({i} of {rounds})", world.server_tail())
            if held is None or i == rounds // 10:
                held, memory = self.held(), self.memory()
        children = world.children()
        children.pop("reload", None)
        tap.equal(children, before, "by the processes that were there before")
        tap.equal(self.held(), held, "F15: descriptors have not grown")
        tap.ok(self.memory() - memory < 3072, "F15: nor has memory", f"{memory}, now {self.memory()} KiB")
        tap.ok("error: " not in self.log() and "refused" not in self.log(), "and no alarm was raised", self.log())
        world.configuration.write_text(configured)
        self.served_now = new

    def misfits(self):
        """A key that does not follow its chain soon, and then does."""
        tap, new = self.tap, (self.served_now + 1) % PAIRS
        mark = len(self.log())
        self.chain(new)
        said = "noonmarkd: control.certificates: changed files cannot be served as they are"
        tap.ok(wait_for(lambda: said in self.log(mark), 5), "F14: a chain without its key is noticed, without an alarm",
               self.log(mark))
        tap.ok(f"{self.world.key}: is not the key of" in self.log(mark), "and why is said", self.log(mark))
        tap.equal(self.served(), self.served_now, "F14: the old pair serves on")
        self.key(new)
        tap.ok(self.becomes(new), "the key has come: both are served", self.world.server_tail())
        tap.ok("error: " not in self.log(mark), "F14: and no alarm was raised", self.log(mark))
        self.served_now = new

    def reload(self):
        """A hook of a tool's may run `noonmarkctl reload` as well."""
        tap, new = self.tap, (self.served_now + 1) % PAIRS
        self.chain(new)
        self.key(new)
        got = subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, "reload"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        tap.ok(got.returncode == 0 and self.served() == new, "noonmarkctl reload does the same at once", got.stdout)


    def hook(self):
        """The example for certbot reloads for one certificate, and for no other."""
        tap, new = self.tap, (self.served() + 1) % PAIRS
        home = self.world.directory("hook")
        ctl = home / "noonmarkctl"
        ctl.write_text(f"#!/bin/sh\nexec {BUILD}/noonmarkctl --socket {self.world.control_socket} \"$@\"\n")
        ctl.chmod(0o755)
        self.chain(new)
        self.key(new)
        for lineage, wanted in (("/etc/letsencrypt/live/another", ""), (str(self.place), "applied: control.certificates")):
            got = subprocess.run([ROOT / "etc/certificates/certbot-deploy"], stdout=subprocess.PIPE, text=True, timeout=30,
                                 env={"PATH": f"{home}:/usr/bin:/bin", "RENEWED_LINEAGE": lineage,
                                      "NOONMARK_LINEAGE": str(self.place)})
            tap.ok(got.returncode == 0 and (wanted in got.stdout if wanted else got.stdout == ""),
                   f"the hook for certbot, {'another' if wanted == '' else 'this'} certificate", got.stdout)
        tap.equal(self.served(), new, "the renewed one is served at once")

    def choices(self):
        """Which pair a client gets, by name and by signatures; openssl s_client is the client."""
        tap, world = self.tap, self.world
        other, kinds = "other.ntp.test", ("rsa", "ed25519", "ecdsa")
        pairs = [self.authority.pair(kind, 200 + i, kind=kind) for i, kind in enumerate(kinds)]
        pairs += [self.authority.pair(f"other-{kind}", 210 + i, kind=kind, names="DNS:*.ntp.test")
                  for i, kind in enumerate(("ecdsa", "rsa"))]
        listed = "".join(f"    - {{chain: {chain}, key: {key}}}\n" for chain, key in pairs)
        text = world.configuration.read_text()
        world.configuration.write_text(text.replace(f"    - {{chain: {world.certificate}, key: {world.key}}}\n", listed))
        got = subprocess.run([BUILD / "noonmarkctl", "--socket", world.control_socket, "reload"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        tap.ok(got.returncode == 0, "several pairs, of which some are for other names", got.stdout)
        ecdsa, ed25519, rsa = "ecdsa_secp256r1_sha256", "ed25519", "rsa_pss_rsae_sha256"
        for name, signatures, wanted in (
                (SERVER_NAME, None, "ecdsa"), (SERVER_NAME, f"{rsa}:{ed25519}:{ecdsa}", "ecdsa"),
                (SERVER_NAME, f"{rsa}:{ed25519}", "ed25519"), (SERVER_NAME, rsa, "rsa"), (None, None, "ecdsa"),
                ("unknown.test", rsa, "rsa"), (other, None, "other-ecdsa"), (other, rsa, "other-rsa")):
            got = self.s_client(*(("-noservername",) if name is None else ("-servername", name)),
                                *(() if signatures is None else ("-sigalgs", signatures)))
            chain = (self.place / f"{wanted}.pem").read_text()
            tap.ok(chain in got, f"TLS-4: {name or 'no name'}, {signatures or 'all signatures'}: {wanted}", got[:2000])

    def s_client(self, *options):
        got = self.world.client.run("openssl", "s_client", "-connect", f"{SERVER_V4}:{KE_PORT}", "-alpn", "ntske/1", *options,
                                    check=False, timeout=30, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True)
        return got.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with Tap() as tap, World("certificates") as world:
        files = Files(tap, world)
        world.start()
        load = Exchanges(world, files.authority, RATE)
        files.renewals(options.rounds)
        files.misfits()
        files.reload()
        files.hook()
        files.choices()
        load.judge(tap, "F15: ")
        tap.equal(world.stop(), 0, "SIGTERM ends it with status 0")


main()
