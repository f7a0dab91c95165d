"""Three servers in namespaces of their own, with the keys of one document: cookies of any are good at all, whatever happens to their
state; a bad document changes nothing; a revoked key is gone at once. F4, F13, CK-5 to CK-7.

The long form: fleet_test.py --periods 100"""

import datetime
import hashlib
import hmac
import json
import os
import shutil
import sys
import time

from harness import BUILD, CONTROL_USER, KE_PORT, NTP_PORT, SERVER_IF, SERVER_V4, Namespace, Stopwatch, Tap, World, wait_for
from probe import Probe

PERIODS = int(sys.argv[sys.argv.index("--periods") + 1]) if "--periods" in sys.argv else 20
ROTATE_S = 1
KEEP = 6
ADDRESSES = [SERVER_V4, "10.123.1.1", "10.123.2.1"]
SECRETS = [os.urandom(32).hex() for _ in range(3)]


class Node(World):
    """A server in a namespace and at an address of its own, with a document of its own. The client's namespace has a veth
    to each."""

    def __init__(self, name, address, first=None):
        self.address, self.first = address, first
        self.by_links, self.n_put = address == ADDRESSES[2], 0
        super().__init__(name)
        self.addresses = [address]
        self.directory_of_document = self.runtime / "fleet"
        self.document = self.directory_of_document / "document"

    def _wire(self):
        if self.first is None:
            super()._wire()
            return
        number = ADDRESSES.index(self.address)
        self.server, self.client = Namespace(f"nm-{self.name}-{os.getpid()}-server"), self.first.client
        self.namespaces.append(self.server)
        self.server.ip("link", "set", "lo", "up")
        self.join((SERVER_IF, self.address, f"fd6e:6d:{number}::1"),
                  (f"ask{number}", f"10.123.{number}.2", f"fd6e:6d:{number}::2"))

    def certify(self, days=90):
        super().certify(days)
        self.directory_of_document.mkdir(mode=0o755)

    def configure(self, **options):
        super().configure(rotate="24h", keep=KEEP, idle="adaptive", kernel_path=False,
                          ports=f"    - socket: \"{self.address}:{NTP_PORT}\"\n", **options)
        text = self.configuration.read_text()
        text = text.replace(f"listen: [\"0.0.0.0:{KE_PORT}\", \"[::]:{KE_PORT}\"]",
                            f"listen: [\"{self.address}:{KE_PORT}\"]")
        text = text.replace("  keep:", f"  fleet: {{file: {self.document}}}\n  keep:")
        self.configuration.write_text(text)

    def wait_serving(self, timeout=20):
        return wait_for(lambda: self.gave_up() or (self.answers_ntp(self.address) and
                                                   self.answers_ke(self.address)), timeout) and not self.gave_up()

    def put(self, text, mode=0o600, owner=CONTROL_USER):
        """As a mover does: another file, in one step. The last node's moves as Kubernetes does: by a link
        to a directory."""
        self.n_put += 1
        folder = self.directory_of_document
        made = folder / f"..{self.n_put}" / "document" if self.by_links else folder / "document.made"
        made.parent.mkdir(mode=0o755, exist_ok=True)
        made.write_text(text)
        made.chmod(mode)
        os.chown(made, *map(int, owner.split(":")))
        if not self.by_links:
            made.rename(self.document)
            return
        (folder / "..made").symlink_to(made.parent.name)
        (folder / "..made").rename(folder / "..data")
        if not self.document.is_symlink():
            self.document.symlink_to("..data/document")

    def keys(self):
        got = self.server.run(BUILD / "noonmarkctl", "--socket", self.control_socket, "--json", "keys",
                              capture_output=True, text=True, check=False)
        return json.loads(got.stdout) if got.returncode == 0 else None

    def said(self):
        return self.noonmarkd.log.read_text()


def when(utc_s):
    return datetime.datetime.fromtimestamp(utc_s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(serial, begin, until=None, revoked=(), secrets=SECRETS):
    """Spans of 10 s, then a long one; or until a time."""
    edges = [begin - 20, begin, begin + 10, until or begin + 10 * 86400]
    text = f"noonmark-fleet 1\nserial {serial}\nrotate {ROTATE_S}s\n"
    for i, secret in enumerate(secrets):
        text += f"{when(edges[i])} {when(edges[i + 1])} {secret}\n"
    for key in revoked:
        text += f"revoke {key}\n"
    return text + f"sum {hashlib.sha256(text.encode()).hexdigest()}\n"


def id_of(period, begin):
    """The id of a period of a second in the last two spans, by another implementation."""
    octets = period.to_bytes(8, "big")
    secret = SECRETS[2] if period >= begin + 10 else SECRETS[1]
    mac = hmac.new(bytes.fromhex(secret), b"noonmark id" + octets, hashlib.sha256).digest()
    return "%08x" % (int.from_bytes(mac[:4], "big") & ~0x1e | (period & 15) << 1)


class Client:
    """Keys and a cookie, of one server; asks any."""

    def __init__(self, node, first):
        self.probe = Probe(first, node.address)
        self.trust = ["--name", "ntp.test", "--ca", node.certificate]

    def exchange(self):
        got = self.probe.ke(None, *self.trust)
        self.c2s, self.s2c, self.cookie = got["c2s"], got["s2c"], got["cookies"][0]
        return self

    @property
    def key(self):
        return self.cookie[:8]

    def ask(self, node, take=True):
        """One request with the cookie; the verdict. A reply's cookie takes its place."""
        got = self.probe.nts("--c2s", self.c2s, "--s2c", self.s2c, "--cookie", self.cookie,
                             "--ntp-address", node.address, "--timeout", "2000")[0]
        if got["verdict"] == "authenticated" and take:
            self.cookie = got["cookies"][0]
        return got["verdict"]


def all_at_all(nodes, first):
    """{(from, to): verdict} of cookies of each node at each node."""
    verdicts = {}
    for i, node in enumerate(nodes):
        client = Client(node, first).exchange()
        for j, to in enumerate(nodes):
            verdicts[i, j] = client.ask(to, take=False)
    return verdicts


def good(verdicts):
    return set(verdicts.values()) == {"authenticated"}


def restart_all(nodes, lose_state):
    for node in nodes:
        node.stop()
        if lose_state:
            shutil.rmtree(node.keys_file.parent)
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        if not node.wait_serving():
            raise RuntimeError(f"a node does not serve\n{node.server_tail()}")


def bad_documents(begin):
    """What a server refuses: a name, the text, how it is written, and what the log says."""
    right = document(3, begin)
    flipped = right.replace(SECRETS[2][:4], "%04x" % (int(SECRETS[2][:4], 16) ^ 1))
    theirs = {"owner": "12345:" + CONTROL_USER.split(":")[1], "mode": 0o640}
    return [("torn", right[:-30], {}, "the line has no end"),
            ("truncated", "".join(right.splitlines(True)[:4]), {}, "there is no `sum` line"),
            ("bit-flipped", flipped, {}, "the sum is wrong"),
            ("empty", "", {}, "the file is empty"),
            ("foreign-owned", right, theirs, "belongs neither to root nor to control.user"),
            ("readable by all", right, {"mode": 0o644}, "other users have rights"),
            ("rolled back", document(1, begin), {}, "its serial number is 1, but 2 is in force")]


def run(tap, nodes, first, begin):
    for node in nodes:
        node.put(document(2, begin))
        node.start(wait=False)
    served = [node.wait_serving() for node in nodes]
    if not tap.ok(all(served), "three servers start with one document", nodes[0].server_tail()):
        return
    verdicts = all_at_all(nodes, first)
    tap.ok(good(verdicts), "CK-5: a cookie of each one is good at each", verdicts)

    # A client that moves from node to node with each request, over spans and periods; meanwhile one
    # node gets bad documents, each when the last one has been refused; then all lose all their state.
    client = Client(nodes[0], first).exchange()
    bad, n_bad, restarted = bad_documents(begin), 0, False
    wrong, ids, asked = [], {client.key}, 0
    end = time.time() + PERIODS * ROTATE_S
    while (time.time() < end or len(ids) < PERIODS or not restarted) and time.time() < end + 60:
        if asked == 0:
            nodes[0].put(bad[0][1], **bad[0][2])
        if n_bad < len(bad) and bad[n_bad][3] in nodes[0].said():
            n_bad += 1
            if n_bad < len(bad):
                nodes[0].put(bad[n_bad][1], **bad[n_bad][2])
        if n_bad == len(bad) and not restarted:
            nodes[0].put(document(2, begin))
            restart_all(nodes, lose_state=True)
            restarted = True
        verdict = client.ask(nodes[asked % 3])
        asked += 1
        if verdict != "authenticated":
            wrong.append((asked, verdict))
            client.exchange()
        ids.add(client.key)
        time.sleep(0.1)
    tap.ok(len(ids) >= PERIODS and not wrong,
           f"CK-5, CK-6: over {PERIODS} periods and the spans, each node takes the others' cookies; no NAK",
           f"{asked} asked, {len(ids)} keys, wrong: {wrong}")
    tap.ok(restarted, "CK-7: all nodes lost all their state meanwhile")
    for i, (name, _, _, _) in enumerate(bad):
        tap.ok(i < n_bad, f"F13: a document that is {name} is refused, and the log says why", nodes[0].server_tail())
    naks = [node.status()["counters"]["answered_nak"] for node in nodes]
    tap.equal(naks, [0, 0, 0], "and no NAK was sent")


def main(tap, nodes):
    first = nodes[0]
    begin = int(time.time()) + 5
    run(tap, nodes, first, begin)
    client = Client(nodes[1], first).exchange()

    # The node restarts with a bad file: the copy has the document.
    nodes[0].put("noonmark-fleet 1\n")
    nodes[0].stop()
    nodes[0].start()
    tap.equal(client.ask(nodes[0], take=False), "authenticated", "F13: also after a restart with a bad file")

    exported = nodes[0].home / "exported"
    for words in (("rotate",), ("revoke", "--yes"), ("export", exported)):
        got = nodes[0].server.run(BUILD / "noonmarkctl", "--socket", nodes[0].control_socket, "keys", *words,
                                  capture_output=True, text=True, check=False)
        why = "take `fleet` out of" if words[0] == "export" else "publish a document with `revoke ID`"
        tap.ok(got.returncode == 1 and why in got.stderr + got.stdout and not exported.exists(),
               f"one server alone does not {words[0]} keys", got)

    # Cookies of keys that no server has now: their ids are enough.
    before = nodes[1].status()["counters"]
    for periods in (6, -8):
        client.exchange()
        client.cookie = id_of(int(time.time()) + periods, begin) + client.cookie[8:]
        tap.equal(client.ask(nodes[1], take=False), "nak", "a cookie of a period that is far is refused")
    after = nodes[1].status()["counters"]
    tap.equal([after[name] - before[name] for name in ("cookie_future", "cookie_expired")], [1, 1],
              "and counted as one of the future, or of the past")

    # Revocation, of all that seals now.
    client.exchange()
    revoked = [client.key] + [key["id"] for key in nodes[0].keys()["keys"] if key["role"] == "current"]
    watch = Stopwatch()
    for node in nodes:
        node.put(document(4, begin, revoked=set(revoked)))
    naks = {node.address: wait_for(lambda node=node: client.ask(node, take=False) == "nak", 5, 0.2) for node in nodes}
    tap.ok(all(naks.values()) and watch.within(5), f"a revoked key is unknown to all nodes after {watch}", naks)
    verdicts = all_at_all(nodes, first)
    tap.ok(good(verdicts), "and its successor seals and opens at all", verdicts)

    # The spans end: the last key is frozen.
    until = int(time.time()) + 3
    for node in nodes:
        node.put(document(5, begin, until=until))
    tap.ok(all(wait_for(lambda node=node: "the last key is frozen" in node.said(), 15) for node in nodes),
           "the end of the spans is an alarm", nodes[0].server_tail())
    frozen = [node.keys()["keys"][0]["id"] for node in nodes]
    verdicts = all_at_all(nodes, first)
    tap.ok(len(set(frozen)) == 1 and good(verdicts), "the last key serves on, on all nodes", (frozen, verdicts))
    shown = [node.keys()["fleet"] for node in nodes]
    tap.ok(len({fleet["fingerprint"] for fleet in shown}) == 1 and
           all((fleet["serial"], fleet["frozen"], fleet["refused"], fleet["ends"]) == (5, True, False, until)
               for fleet in shown), "noonmarkctl keys shows the document, with one fingerprint on all", shown)
    tap.equal([node.status()["fleet"] for node in nodes], shown, "status, too")
    nodes[0].put("")
    tap.ok(wait_for(lambda: nodes[0].keys()["fleet"]["why"] == "line 1: the file is empty", 10) and
           nodes[0].keys()["fleet"]["refused"], "and why a file is refused", nodes[0].keys())
    stale = Client(nodes[1], first).exchange()
    for node in nodes:
        node.put(document(6, begin))
    tap.ok(all(wait_for(lambda node=node: "serial 6, fingerprint" in node.said(), 10) for node in nodes),
           "a document with more spans is taken", nodes[0].server_tail())
    tap.equal([stale.ask(node, take=False) for node in nodes], ["authenticated"] * 3,
              "and cookies of the frozen key are still opened")


with Tap() as tap, Node("fleet0", ADDRESSES[0]) as a, Node("fleet1", ADDRESSES[1], a) as b, \
        Node("fleet2", ADDRESSES[2], a) as c:
    main(tap, [a, b, c])
