"""The mover of a fleet's document by etcd: three servers, three members. Cookies of any server are good at all
while spans are appended, a member is killed, one is cut off, and all are gone; etcd sees no secret. Members that
do wrong, and a resolver that says nothing, delay nobody. F4, F13.

The long form: etcd_test.py --long"""

import os
import pathlib
import re
import subprocess
import sys
import time

from harness import BUILD, CONTROL_USER, Program, Stopwatch, Tap, need_clients, wait_for
from etcd_fakes import RESOLV, Fakes
from etcd_world import KEY, Authority, Cluster, Node, document
from probe import Probe

need_clients("etcd-server")
LONG = "--long" in sys.argv
SEAL = os.urandom(32).hex()
ROUNDS = 20 if LONG else 1
SPAN_S = 4  # an append is due each 4 s; the lead of 30 s bridges the time without etcd
SECRET = os.urandom(32).hex()


def secrets_of(text):
    return set(re.findall(r"^\S+Z \S+Z ([0-9a-f]{64})$", text, re.M))


def by_hand(tap, node):
    """The tool: an empty key, the first document, a lower serial, a foreign seal."""
    got = node.tool("get")
    tap.ok(got.returncode == 1 and "has no key" in got.stdout, "get says that etcd has no document", got.stdout)
    begin = int(time.time()) - SPAN_S
    text = document(5, [begin, begin + SPAN_S, begin + 2 * SPAN_S], [SECRET, os.urandom(32).hex()])
    got = node.tool("put", "-", text=text)
    tap.equal((got.returncode, got.stdout), (0, ""), "put writes the first document")
    got = node.tool("get")
    tap.equal((got.returncode, got.stdout), (0, text), "get prints it as it was put")
    got = node.tool("put", "-", text=document(5, [begin, begin + 9], [SECRET]))
    tap.ok(got.returncode == 1 and "write a higher one" in got.stdout, "put refuses a serial that is not higher",
           got.stdout)
    got = node.tool("put", "-", text=text.replace(SECRET[:4], "0000" if SECRET[:4] != "0000" else "1111"))
    tap.ok(got.returncode == 1 and "the sum is wrong" in got.stdout, "put refuses a damaged document", got.stdout)


class Asker:
    """Takes a cookie from each server, and asks each server with each, while the test waits for something."""

    def __init__(self, nodes):
        self.nodes, self.asked, self.wrong = nodes, 0, []

    def ask(self):
        for node in self.nodes:
            got = Probe(self.nodes[0], node.address).ke(None, "--name", "ntp.test", "--ca", node.certificate)
            keys = ["--c2s", got["c2s"], "--s2c", got["s2c"], "--cookie", got["cookies"][0]]
            for to in self.nodes:
                verdict = Probe(self.nodes[0], to.address).nts(*keys, "--ntp-address", to.address, "--timeout", "5000")
                self.asked += 1
                if verdict[0]["verdict"] != "authenticated":
                    self.wrong.append((node.name, to.name, verdict[0]["verdict"]))

    def wait(self, condition, timeout):
        """Until the condition is true; at least one round is asked."""
        def once():
            self.ask()
            return condition()
        return wait_for(once, timeout, 0.2)


def same(nodes, at_least=0):
    """The document of all nodes, once all have the same one."""
    texts = {node.has() for node in nodes}
    return len(texts) == 1 and None not in texts and nodes[0].serial() >= at_least and texts.pop()


def mover(node):
    return node.status()["etcd_process"]


def refused_values(tap, cluster, nodes, old):
    """What somebody without the seal can write: an older value, and one of his own."""
    first = nodes[0]
    before = {n: n.serial() for n in nodes}
    cluster.write(old)
    tap.ok(wait_for(lambda: all(mover(n)["older"] for n in nodes), 10), "F13: an older value is refused",
           [mover(n) for n in nodes])
    cluster.write(os.urandom(300))
    tap.ok(wait_for(lambda: all(mover(n)["unopened"] for n in nodes), 10), "F13: so is one that is not sealed",
           [mover(n) for n in nodes])
    tap.ok(all(n.serial() >= before[n] and n.has() for n in nodes), "the former document stays")
    got = first.tool("put", first.document)
    tap.ok(got.returncode == 1 and "is refused" in got.stdout, "put overwrites no value that does not open", got.stdout)
    got = first.tool("--force", "put", first.document)
    tap.ok(got.returncode == 0 and wait_for(lambda: all(mover(n)["current"] for n in nodes), 10), "--force does", got.stdout)


def authentication(tap, cluster, node):
    """etcd's own users: a token is asked for, by a client whose certificate has no common name."""
    ask = cluster.members[0].ask
    for path, body in (("role/add", {"name": "root"}), ("user/add", {"name": "root", "password": "secret word"}),
                       ("user/grant", {"user": "root", "role": "root"}), ("enable", {})):
        ask(f"/v3/auth/{path}", body)
    got = node.tool("get")
    tap.ok(got.returncode == 1 and "user name is empty" in got.stdout, "without a user etcd refuses", got.stdout)
    password = node.runtime / "etcd" / "password"
    password.write_text("secret word\n")
    password.chmod(0o600)
    os.chown(password, *map(int, CONTROL_USER.split(":")))
    node.follow(cluster, SEAL, lead="30s", extra=f"    user: root\n    password_file: {password}\n")
    got = node.tool("get")
    tap.ok(got.returncode == 0 and got.stdout.startswith("noonmark-fleet 1"), "with a user it answers", got.stdout)
    tap.ok(wait_for(lambda: mover(node)["refused"], 20), "the mover has none, and is refused", mover(node))
    tap.equal(node.change(), applied("keys.fleet.user", "keys.fleet.password_file"), "until a reload names one")
    tap.ok(wait_for(lambda: mover(node)["current"], 20), "then it answers the mover, too", mover(node))


def applied(*names):
    return {"applied": list(names), "needs_restart": [], "code": 0}


def live_settings(tap, cluster, node, appended):
    """Another document's file, another set of members: by a reload, whole or not at all."""
    first, second = node.document, node.document.with_name("fleet2")
    urls = ", ".join(f'"{m.url}"' for m in cluster.members)
    control, pid = node.children()["control"], node.children()["etcd"]

    def refused(what, words, *changes):
        got = node.change(*changes)
        tap.ok(got["code"] == 1 and re.search(words, got.get("refused", "")), f"a reload is refused: {what}", got)
        tap.ok(node.children()["etcd"] == pid and node.document == first, "and nothing changes")

    move = (f"file: {first}\n", f"file: {second}\n")
    refused("a document that is not there", rf"{second} \(keys.fleet.file\): No such file", move)
    seal = node.runtime / "etcd" / "seal"
    short = seal.with_name("short")
    short.write_text(SEAL[:10] + "\n")
    short.chmod(0o600)
    os.chown(short, *map(int, CONTROL_USER.split(":")))
    refused("a seal that is none", rf"{short} \(keys.fleet.seal\) is not 64", (f"seal: {seal}\n", f"seal: {short}\n"))
    refused("members without TLS", "write https://", (f"etcd: [{urls}]", 'etcd: ["http://10.124.0.1:2379"]'))

    second.write_text(first.read_text())
    second.chmod(0o600)
    os.chown(second, *map(int, CONTROL_USER.split(":")))
    tap.equal(node.change(move, (f"etcd: [{urls}]", f'etcd: ["{cluster.members[2].url}"]')),
              applied("keys.fleet.file", "keys.fleet.etcd"), "keys.fleet.file and keys.fleet.etcd change by a reload")
    node.document_name = second.name
    appended("and the document is the one of the other file, by the other member")
    tap.ok(mover(node)["member"] == 0 and node.children()["etcd"] != pid and node.children()["control"] == control,
           "by another mover, and the same control", (mover(node), node.children()))
    tap.equal(node.change((f'    etcd: ["{cluster.members[2].url}"]\n', ""), (f"    seal: {seal}\n", "")),
              applied("keys.fleet.etcd", "keys.fleet.seal"), "without members")
    tap.ok(wait_for(lambda: "etcd" not in node.children(), 10) and mover(node) is None, "there is no mover",
           node.children())
    tap.equal(node.change((f"    key: {KEY}\n", f"    key: {KEY}\n    etcd: [{urls}]\n    seal: {seal}\n")),
              applied("keys.fleet.etcd", "keys.fleet.seal"), "and with some")
    appended("there is one again, which catches up")


class Foul:
    """F13: members that say nothing, or wrong things. The command says which, within its time; meanwhile the test does
    something else."""

    def __init__(self, cluster, node):
        self.node, self.fakes = node, Fakes(cluster, Authority(node.directory("foreign")))
        self.text = node.configuration.read_text()
        self.urls = ", ".join(f'"{m.url}"' for m in cluster.members)
        self.resolv = node.home / "resolv.conf"
        self.resolv.write_text(RESOLV)
        within = ["unshare", "-m", "sh", "-c", f"mount --bind {self.resolv} /etc/resolv.conf; exec \"$@\"", "sh"]
        self.tools = {}
        for kind, url in self.fakes.url.items():
            configuration, log = (node.runtime / f"{kind}.{end}" for end in ("yaml", "log"))
            configuration.write_text(self.text.replace(self.urls, f'"{url}"'))
            tool = Program(kind, node.server.command("timeout", 60, *within, BUILD / "noonmark-etcd", "-c", configuration, "get"), log)
            node.programs.append(tool)
            self.tools[kind] = tool

    def told(self, tap):
        for kind, tool in self.tools.items():
            code = tool.process.wait(90)
            self.node.programs.remove(tool)
            tap.ok(code == 1 and re.search(Fakes.SAYS[kind], tool.log.read_text()), f"a member that is {kind} is told",
                   tool.log.read_text())

    def moved(self, tap, cluster, appended):
        """A mover that has them before the one that is right goes on with that one, and the server does not notice."""
        node, chosen = self.node, ["resolver", "flood", "mute"]
        if LONG:  # eight at most
            chosen += ["silent", "dribble", "expired", "other name"]
        subprocess.run(["nsenter", f"--target={node.noonmarkd.pid}", "--mount", "--root",
                        "mount", "--bind", self.resolv, "/etc/resolv.conf"], check=True)
        before = wait_for(lambda: node.children().get("etcd"), 10)
        foul = ", ".join(f'"{self.fakes.url[kind]}"' for kind in chosen)
        tap.equal(node.change((self.urls, f'{foul}, "{cluster.members[1].url}"')), applied("keys.fleet.etcd"),
                  "a mover is given members that do wrong")

        def another():
            now = node.children().get("etcd")
            return now if now != before else None

        pid = wait_for(another, 10)
        appended("it follows the one that is right", 1, 60)
        tap.ok(mover(node)["member"] == len(chosen) and mover(node)["unreached"] >= len(chosen) and
               node.children()["etcd"] == pid, "after each of them has failed", mover(node))
        tasks = len(os.listdir(f"/proc/{pid}/task"))
        memory = int(re.search(r"^VmHWM:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1))
        tap.ok(tasks <= 8 and memory < 65536, "with few threads and little memory", (tasks, memory))
        watch = Stopwatch()
        status = node.stop()
        tap.ok(status == 0 and watch.within(5), f"a stop does not wait for them: {watch}", status)
        self.fakes.close()


def partition(tap, cluster, node, appended):
    """F4: a member that others cannot reach still answers the node; it knows nothing new."""
    lone = mover(node)["member"]
    with cluster.members[lone].apart():
        appended("with the member that a node asks cut off from the others, all nodes have new spans", 2, 30)
        tap.ok(mover(node)["member"] != lone, "the node has left that member", mover(node))


def run(tap, cluster, nodes):
    first = nodes[0]
    asker = Asker(nodes)
    seen = set()

    def appended(text, n=1, timeout=15):
        """Waits until all have a document that is n newer, each within its time."""
        wanted = max(node.serial() for node in nodes) + n
        got = asker.wait(lambda: same(nodes, wanted), n * timeout)
        tap.ok(got, f"F4: {text}", "\n".join(f"{n.serial()}\n{n.server_tail()}" for n in nodes))
        seen.update(secrets_of(got or ""))

    tap.ok(cluster.start(), "the members have a leader")
    by_hand(tap, first)
    old = cluster.value()
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        tap.ok(node.wait_serving(), f"{node.name} serves, with a document that etcd had", node.server_tail())
    mode = [oct(n.document.stat().st_mode & 0o777) for n in nodes]
    tap.equal(mode, ["0o600"] * 3, "the file is control's alone")
    began = time.monotonic()
    appended("spans are appended, and all nodes have them")
    refused_values(tap, cluster, nodes, old)

    cluster.members[1].stop()
    appended("with one member killed, spans are appended still", 2 * ROUNDS)

    cluster.members[2].cut(True)  # one of three is left: no quorum
    tap.ok(asker.wait(lambda: all(n.noonmarkd.alive() for n in nodes), 5), "without a quorum the servers go on")
    cluster.members[0].stop()
    before = first.serial()
    first.stop()
    first.start(wait=False)
    tap.ok(first.wait_serving(), "F13: without etcd a restart is a restart with keys", first.server_tail())
    tap.ok(asker.wait(lambda: "no member of etcd answers" in first.said(), 10), "the log says that no member answers",
           first.server_tail())
    status = first.status()["etcd_process"]
    tap.ok(status["current"] == 0 and status["unreached"] > 0, "so does the status", status)
    tap.ok(first.serial() >= before, "the document is what it was")

    cluster.members[2].cut(False)
    for i in (0, 1):
        cluster.members[i].start()
    tap.ok(cluster.has_leader(), "the members are back")
    appended("and spans are appended again", ROUNDS, 20)
    tap.ok(asker.wait(lambda: time.monotonic() - began > 20, 21), "20 periods and more have passed")
    tap.ok(not asker.wrong, f"CK-5, F4: cookies of each server were good at each all the while: {asker.asked} requests",
           asker.wrong)
    tap.equal([n.status()["counters"]["answered_nak"] for n in nodes], [0, 0, 0], "and no NAK was sent")
    live_settings(tap, cluster, nodes[1], appended)
    foul = Foul(cluster, nodes[1])
    partition(tap, cluster, nodes[1], appended)
    foul.told(tap)
    status = [n.status()["etcd_process"] for n in nodes]
    tap.ok(all(s["current"] == 1 and s["member"] in (0, 1, 2) for s in status) and
           sum(s["appended"] for s in status) > 0, "the status says that the file is etcd's document", status)
    foul.moved(tap, cluster, appended)

    found = cluster.found_in_data({s.encode() for s in seen} | {bytes.fromhex(s) for s in seen} |
                                  {SEAL.encode(), bytes.fromhex(SEAL), b"noonmark-fleet"})
    tap.ok(len(seen) >= 6 and not found, "no member has a secret in the clear, neither digits nor octets", found)
    tap.ok(cluster.found_in_data({KEY.encode()}), "(its files were searched: the key's name is there)")
    authentication(tap, cluster, first)


with Tap() as tap, Node("etcd1") as one, Node("etcd2", "10.123.0.11", one) as two, Node("etcd3", "10.123.0.12", one) as three:
    cluster = Cluster(one)
    for node in (one, two, three):
        node.follow(cluster, SEAL, lead="30s")
    run(tap, cluster, [one, two, three])
