#!/usr/bin/env python3
"""The supervisor's processes, with actors for its children (actors.c): what each child
is given, what happens when one dies, and that nothing is left. In a network namespace of its own."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
from harness import PATIENCE_S, Namespace, Program, Stopwatch, Tap, wait_for  # noqa: E402

BINARY = os.path.realpath(sys.argv[1])
METRICS_BINARY = pathlib.Path(BINARY).with_name("noonmark-metrics")
TAG = f"nm-sup-{os.getpid()}"
HOME = pathlib.Path(f"/run/{TAG}")
DATAPLANE, CONTROL = 64731, 64732
CAPS = {"BPF": 39, "IPC_LOCK": 14, "KILL": 5, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_ADMIN": 21}


METRICS_PORT = 9460
METRICS_INSTALLED = re.compile(rb"/[^\0]*/noonmark/noonmark-metrics(?=\0)")
METRICS = f"metrics:\n  listen: 127.0.0.1:{METRICS_PORT}\n"


def configure(script="", interface=False, listen='"127.0.0.1:4460", "[::1]:4460"', extra=""):
    port = "interface: lo" if interface else "vdev: net_null0\n      addresses: [192.0.2.1]"
    (HOME / "noonmark.yaml").write_text(f"""\
dataplane:
  cores: [0]
  user: "{DATAPLANE}"
  ports:
    - {port}
control:
  listen: [{listen}]
  certificates:
    - {{chain: {HOME}/cert.pem, key: {HOME}/key.pem}}
  user: "{CONTROL}"
  ntp_server: "{script}"
  socket: {HOME}/run/control.sock
keys:
  file: {HOME}/keys/keys
time:
  source: fixed
  stratum: 1
  reference_id: TEST
{extra}""")


class Server(Program):
    started = []

    def __init__(self, namespace, name="noonmarkd", under=(), binary=BINARY):
        self.watch = Stopwatch()
        self.started.append(self)
        super().__init__(name, namespace.command(*under, binary, "-c", HOME / "noonmark.yaml"),
                         HOME / f"{name}.{time.monotonic_ns()}.log")

    def text(self):
        return self.log.read_text(errors="replace")

    def says(self, words, timeout=5):
        return wait_for(lambda: words in self.text(), timeout) is not None

    def children(self):
        found = {}
        for pid in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                name = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
                if name.startswith("noonmarkd: "):
                    found[name[11:]] = int(pid)
        return found

    def wait_child(self, role, other_than=0, timeout=5):
        def another():
            pid = self.children().get(role, other_than)
            return pid if pid != other_than else None
        return wait_for(another, timeout)


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def descriptors(pid):
    return {int(n): os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")}


def mask(*names):
    return sum(1 << CAPS[n] for n in names)


def gone(pid):
    """A zombie counts as gone, too: the process that inherits it may never reap it."""
    try:
        return status(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def what_each_child_is_given(tap, namespace):
    configure(extra=METRICS)
    server = Server(namespace)
    tap.ok(server.says("serving: ") and server.says("metrics: serves"), "all children serve", server.tail())
    children = server.children()
    tap.equal(sorted(children), ["control", "dataplane", "ke", "metrics"],
              "the children are named by their roles")
    control, ke, dataplane, metrics = (children[role] for role in ("control", "ke", "dataplane", "metrics"))

    got = descriptors(control)
    tap.equal(sorted(got), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13],
              "control has the descriptors of handover.h and no others")
    tap.ok(got[3].startswith("/memfd:noonmark-config") and got[4].startswith("socket:") and
           got[5].startswith("/memfd:noonmark-control") and
           got[6].startswith("/memfd:noonmark-dataplane") and
           got[8].startswith("/memfd:noonmark-ke") and got[9].startswith("socket:") and
           got[10].startswith("/memfd:noonmark-facts") and got[11].startswith("/memfd:noonmark-metrics") and
           got[13].startswith("/memfd:noonmark-etcd"),
           "each at its number", got)
    got = descriptors(metrics)
    tap.equal({n: link.split(" ")[0].split("[")[0] for n, link in got.items() if n > 2},
              {3: "/memfd:noonmark-config", 4: "socket:", 6: "/memfd:noonmark-dataplane",
               8: "/memfd:noonmark-ke", 10: "/memfd:noonmark-facts", 11: "/memfd:noonmark-metrics", 12: "socket:",
               13: "/memfd:noonmark-etcd"},
              "metrics has neither the keyring's side of the board nor a file of a certificate")
    got = descriptors(ke)
    tap.equal(sorted(got), [0, 1, 2, 3, 4, 5, 8, 10, 11, 12, 13],
              "ke has the descriptors of handover.h and no others")
    tap.ok(got[3].startswith("/memfd:noonmark-config") and got[4].startswith("socket:") and
           got[5].startswith("/memfd:noonmark-control") and
           got[8].startswith("/memfd:noonmark-ke") and
           all(got[n].startswith("socket:") for n in (10, 11)) and
           got[12].startswith("/memfd:noonmark-chain") and got[13].startswith("/memfd:noonmark-key"),
           "each at its number", got)
    got = descriptors(dataplane)
    tap.equal(sorted(got), [0, 1, 2, 3, 4, 5, 6, 8, 9],
              "the dataplane has no socket but its link and the guards, no certificate and no key")
    links = {fd: link for fd, link in descriptors(server.pid).items() if link.startswith("socket:")}
    tap.ok(not {descriptors(pid)[4] for pid in children.values()} & set(links.values()),
           "a child's end of its link is the child's alone")

    def flags(pid, fd):
        text = pathlib.Path(f"/proc/{pid}/fdinfo/{fd}").read_text()
        return int(re.search(r"flags:\s*([0-7]+)", text).group(1), 8) & 3
    tap.equal([[flags(pid, fd) for pid in pids] for fd, pids in
               ((5, (control, ke, dataplane)), (6, (dataplane, control, metrics)),
                (8, (ke, control, metrics)), (10, (control, metrics)), (11, (metrics, control)))],
              [[2, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0], [2, 0]], "each side of the board has one writer")
    tap.equal([flags(ke, fd) for fd in (12, 13)], [0, 0], "ke can write to no certificate")

    for role in ("control", "ke"):
        s = status(children[role])
        tap.equal([s["Uid"].split(), s["Gid"].split(), s["Groups"].strip()],
                  [[str(CONTROL)] * 4, [str(CONTROL)] * 4, ""], f"{role} runs as control's user")
        limits = pathlib.Path(f"/proc/{children[role]}/limits").read_text()
        lifted = re.search(r"^Max locked memory +unlimited", limits, re.M)
        tap.equal([int(s[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
                  [0 if lifted else mask("IPC_LOCK")] * 5,
                  f"{role} can lock memory, has no other capability and can get none")
        tap.equal(s["NoNewPrivs"], "1", f"{role} gains nothing by exec")
    s = status(metrics)
    tap.equal([s["Uid"].split(), *(int(s[c], 16) for c in ("CapPrm", "CapEff", "CapBnd"))],
              [[str(CONTROL)] * 4, 0, 0, 0], "metrics runs as control's user without a capability")
    # Not by their paths: those of another mount namespace may be others.
    tap.ok(all(os.path.samefile(f"/proc/{pid}/exe", METRICS_BINARY if role == "metrics" else BINARY)
               for role, pid in children.items()),
           "metrics is a program of its own, which stands beside the others'", children)
    s = status(dataplane)
    rights = mask("NET_ADMIN", "NET_RAW", "BPF", "IPC_LOCK")
    tap.equal(s["Uid"].split(), [str(DATAPLANE)] * 4, "the dataplane runs as its own user")
    tap.equal([int(s[c], 16) for c in ("CapPrm", "CapEff", "CapBnd", "CapAmb")], [rights] * 4,
              "the dataplane has NET_ADMIN, NET_RAW, BPF and IPC_LOCK alone")
    s = status(server.pid)
    tap.ok(int(s["CapEff"], 16) & mask("KILL", "SYS_ADMIN") == mask("KILL") and
           bin(int(s["CapEff"], 16)).count("1") <= 11 and s["CapBnd"] == s["CapEff"],
           "the supervisor keeps no more than its children need", s["CapEff"])

    for name, pid in [("supervisor", server.pid), *children.items()]:
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        tap.ok(re.search(r"Max core file size\s+0\s+0", limits), f"F5: no core file of {name}")
        # Files of a process that may not be dumped belong to root.
        tap.equal(os.stat(f"/proc/{pid}/environ").st_uid, 0, f"F5: {name} is not dumpable")

    adjustment = {role: int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())
                  for role, pid in children.items()}
    tap.ok(adjustment["ke"] > adjustment["control"] > adjustment["dataplane"],
           "F25: ke is killed first, then control", adjustment)
    sessions = {os.getsid(p) for p in (server.pid, *children.values())}
    tap.equal(len(sessions), 5, "Ctrl-C at a terminal reaches the supervisor alone")
    keys = os.stat(HOME / "keys")
    tap.equal([keys.st_mode & 0o777, keys.st_uid], [0o700, CONTROL],
              "F13: the keys' directory is control's alone")

    tap.equal(server.stop(), 0, "SIGTERM ends all with status 0")
    tap.ok(all(gone(p) for p in children.values()), "no process is left")
    tap.ok(not (HOME / "run/control.sock").exists(), "no socket is left")
    tap.ok(all(f"{role}: ends" in server.text() for role in children),
           "all ended by themselves", server.tail())


def the_program_of_metrics(tap, namespace):
    """Where it is looked for, and who may have written it. The server is a copy in a directory of its own."""
    place = HOME / "programs"
    place.mkdir(mode=0o755)
    binary, metrics = place / "noonmarkd", place / "noonmark-metrics"
    shutil.copy(BINARY, binary)
    configure(extra=METRICS)

    def refuses(what, words):
        server = Server(namespace, binary=binary)
        tap.ok(wait_for(lambda: not server.alive(), 5) and words in server.text(),
               f"metrics' program {what}: no start", server.tail())
        got = subprocess.run([binary, "-c", HOME / "noonmark.yaml", "--check-config"], stderr=subprocess.PIPE, text=True)
        tap.ok(got.returncode == 1 and words in got.stderr, "and --check-config says so", got.stderr)

    installed = METRICS_INSTALLED.search(binary.read_bytes())
    if installed and os.path.exists(installed.group().decode()):
        tap.skip("metrics' program is missing", "it is installed on this machine")
    else:
        refuses("is missing", "there is no noonmark-metrics (for metrics.listen) beside noonmarkd, and /")
    metrics.mkdir()
    refuses("is a directory", f"{metrics} (for metrics.listen) is no program")
    metrics.rmdir()
    shutil.copy(METRICS_BINARY, metrics)
    os.chown(metrics, CONTROL, CONTROL)
    refuses("is another user's", f"{metrics} (for metrics.listen) can be changed by others")
    os.chown(metrics, 0, 0)
    metrics.chmod(0o757)
    refuses("can be written by all", f"{metrics} (for metrics.listen) can be changed by others")

    metrics.chmod(0o755)
    place.chmod(0o700)  # control's user cannot enter it
    server = Server(namespace, binary=binary)
    server.says("metrics: serves")
    pid = server.children().get("metrics", 0)
    inode = metrics.stat().st_ino
    binary.unlink()
    metrics.unlink()
    metrics.write_text("another build's")
    metrics.chmod(0o755)
    os.kill(pid, signal.SIGKILL)
    again = server.wait_child("metrics", pid)
    tap.ok(again and server.says("metrics serves again") and os.stat(f"/proc/{again}/exe").st_ino == inode,
           "after an upgrade the running server starts the program that it began with", server.tail())
    server.stop()

    configure()
    shutil.rmtree(place)


def deaths_of_children(tap, namespace):
    configure(interface=True)
    server = Server(namespace)
    server.says("serving: ")
    order = [server.text().index(f"{role}: serves") for role in ("control", "ke", "dataplane")]
    tap.equal(order, sorted(order), "control serves first, with its keys, then ke, then the dataplane")
    children = server.children()

    def others(role):
        now = server.children()
        return {other: now.get(other) for other in children if other != role}

    ke = children["ke"]
    os.kill(ke, signal.SIGKILL)
    with namespace.entered():
        waiting = socket.create_connection(("127.0.0.1", 4460))  # in the listener's queue
    children["ke"] = server.wait_child("ke", ke, 1)
    tap.ok(children["ke"], "F1: ke is started again within 1 s", server.tail())
    tap.equal(others("ke"), {role: children[role] for role in ("control", "dataplane")},
              "F1: the others are not touched")
    waiting.close()

    os.kill(children["control"], signal.SIGKILL)
    control = server.wait_child("control", children["control"], 2)
    tap.ok(control, "F1: control is started again within 2 s", server.tail())
    tap.equal(others("control"), {role: children[role] for role in ("ke", "dataplane")},
              "F1: ke and the dataplane are not touched")

    os.kill(children["dataplane"], signal.SIGKILL)
    dataplane = server.wait_child("dataplane", children["dataplane"], 2)
    tap.ok(dataplane, "F2: the dataplane is started again within 2 s", server.tail())
    tap.equal(server.children().get("control"), control, "F2: control is not touched")
    tap.ok(server.says("dataplane serves again"), "F2: and it serves", server.tail())

    begun = time.monotonic()
    for _ in range(3):
        os.kill(control, signal.SIGKILL)
        control = server.wait_child("control", control)
    took = time.monotonic() - begun
    tap.ok("control is started again in 100 ms" in server.text() and
           "control is started again in 200 ms" in server.text() and took > 0.3,
           "who keeps dying waits longer each time", server.tail())
    tap.equal(server.stop(signal.SIGINT), 0, "SIGINT ends all with status 0")


def listeners_shut_down(tap, namespace):
    """What code that has taken ke over might do to its successor. The filter of the real ke forbids
    it; here an actor does it."""
    def connects(address, port):
        with namespace.entered():
            try:
                socket.create_connection((address, port), 1).close()
            except OSError:
                return False
        return True

    configure("metrics.shuts", extra=METRICS)
    server = Server(namespace)
    tap.ok(server.says(f"127.0.0.1:{METRICS_PORT} was shut down by a child: opened anew") and
           server.says("metrics serves again") and connects("127.0.0.1", METRICS_PORT),
           "metrics shuts its listener down: it is opened anew, and metrics started again", server.tail())
    tap.equal(server.text().count("ke: serves"), 1, "ke is left alone")
    server.stop()

    for script, what, port in (("ke.shuts", "and lives on", 4460),
                               ("ke.shuts.dies", "of a privileged port and dies", 460)):
        configure(script, listen=f'"127.0.0.1:{port}", "[::1]:4460"')
        server = Server(namespace)
        server.says("serving: ")
        tap.ok(server.says(f"127.0.0.1:{port} was shut down by a child: opened anew", 2),
               f"ke shuts a listener down {what}: it is opened anew", server.tail())
        tap.ok(server.says("ke serves again", 2), "ke is started again", server.tail())
        tap.ok(connects("127.0.0.1", port) and connects("::1", 4460), "both addresses take connections")
        tap.equal(server.text().count("ke: serves"), 2, "ke was started again once")
        children = server.children()
        time.sleep(0.5)
        tap.equal(server.children(), children, "and then nothing more happens")
        tap.equal(server.text().count("opened anew"), 1, "the other listener stays as it was")
        server.stop()


def reloads(tap, namespace):
    """Which processes must accept a reload, and its result when one dies or does not answer."""
    def configured(script="", certificate="", **options):
        (HOME / "cert.pem").write_text(certificate)
        configure(script, **options)

    def begun(script):
        configured(script, "first")
        server = Server(namespace)
        server.says("serving: ")
        configured(script, "second")
        return server

    def restarted(server, role):
        pid = server.children()[role]
        os.kill(pid, signal.SIGKILL)
        server.wait_child(role, pid)
        return server.says(f"{role} serves again, pid {server.children()[role]}")

    server = begun("")
    server.send(signal.SIGHUP)
    tap.ok(server.says("reload: applied: control.certificates") and
           "ke: is given 2 files, the first: second" in server.text(), "SIGHUP gives ke the new pair",
           server.tail())
    configured("", "third")
    tap.ok(restarted(server, "ke") and "ke: starts with the certificate second" in server.text(),
           "the next ke has what was taken, not what lies in the file", server.tail())
    os.kill(server.children()["control"], signal.SIGUSR1)
    tap.ok(server.says("control: reload 41: applied applied control.certificates unchanged "),
           "control asks, and is told what became of which setting", server.tail())
    configured("", "third", extra="log: {level: error}\n")
    server.send(signal.SIGHUP)
    mark = len(server.text())
    tap.ok(server.says("reload: applied: log.level"), "a level is applied", server.tail())
    time.sleep(0.2)
    server.send(signal.SIGTERM)
    server.process.wait(10)
    tap.ok("ends" not in server.text()[mark:] and "stopp" not in server.text()[mark:],
           "and all four processes have it at once", server.text()[mark:])

    server = begun("ke.refuses")
    server.send(signal.SIGHUP)
    tap.ok(server.says("reload refused, nothing has changed: the actor refuses"),
           "what ke refuses is refused, with its reason", server.tail())
    configured("ke.refuses", "third", extra="log: {level: error}\n")
    server.send(signal.SIGHUP)
    tap.ok(wait_for(lambda: server.text().count("the actor refuses") == 2, 5) and restarted(server, "ke") and
           server.text().count("ke: starts with the certificate first") == 2,
           "whole: neither the pair nor the level has changed", server.tail())
    server.stop()

    server = begun("ke.aborts")
    ke = server.children()["ke"]
    server.send(signal.SIGHUP)
    tap.ok(server.says("reload refused, nothing has changed: ke ended while it prepared"),
           "a ke that dies of it refuses it", server.tail())
    tap.ok(server.wait_child("ke", ke) and
           wait_for(lambda: server.text().count("ke: starts with the certificate first") == 2, 5),
           "and has the old pair again", server.tail())
    server.stop()

    server = begun("ke.silent")
    ke = server.children()["ke"]
    server.send(signal.SIGHUP)
    server.says("ke: is given 2 files")
    os.kill(server.children()["control"], signal.SIGUSR1)
    tap.ok(server.says("control: reload 41: refused a reload is under way"), "another one at the same time is told so",
           server.tail())
    tap.ok(server.says("nothing has changed: ke did not answer within 10 s", 12) and
           server.wait_child("ke", ke), "a ke that says nothing is started again", server.tail())
    tap.ok(server.says(f"ke serves again, pid {server.children()['ke']}"), "and serves")
    server.stop()

    server = begun("ke.floods")
    tap.ok(server.says("ke (pid ") and server.says("sent a message that it may not send: ignored"),
           "a message that ke may not send is ignored and logged", server.tail())
    config = min(fd for fd, link in descriptors(server.pid).items()
                 if link.startswith("/memfd:noonmark-config"))
    spent = cpu_seconds(server.pid)
    time.sleep(2)
    spent = cpu_seconds(server.pid) - spent
    tap.ok(spent < 0.2, "a flood of them costs the supervisor next to nothing", f"{spent} s in 2 s")
    tap.equal(server.text().count("may not send"), 1, "and one line in the log")
    tap.ok(not any(link.startswith("/memfd:noonmark-config") and fd != config
                   for fd, link in descriptors(server.pid).items()), "no descriptor of it is kept")
    children = server.children()
    tap.equal([len(children), children.get("reload")], [3, None], "and nothing came of it")
    tap.equal(server.stop(), 0, "SIGTERM ends all with status 0")


def the_hook(tap, namespace):
    """Control alone may say that the clock is unhealthy."""
    hook, record = HOME / "health", HOME / "health.record"
    hook.write_text(f'#!/bin/sh\necho "$*" >>{record}\n')
    hook.chmod(0o755)
    for role in "ke", "dataplane":
        configure(f"{role}.sick", extra=f"  hook: {hook}\n")
        server = Server(namespace)
        tap.ok(server.says("serving: ") and server.says(f"{role} (pid ") and
               server.says("sent a message that it may not send: ignored"),
               f"{role} cannot make the server run the hook", server.tail())
        server.stop()
    tap.ok(not record.exists(), "and it did not run")

    configure("control.sick", extra=f"  hook: {hook}\n")
    server = Server(namespace)
    tap.ok(server.says("(time.hook) has ended with status 0: unhealthy stale"),
           "control's word makes it run", server.tail())
    tap.equal(record.read_text(), "unhealthy stale\n", "and it is told")
    os.kill(server.children()["control"], 9)
    tap.ok(server.says("control serves again"), "control, started again, says it again", server.tail())
    time.sleep(0.5)
    tap.equal(record.read_text(), "unhealthy stale\n", "which is no change")
    hook.chmod(0o777)
    tap.equal(server.stop(), 0, "SIGTERM ends all with status 0")
    refused = Server(namespace)
    tap.ok(refused.says("runs as root; chown root and chmod go-w it"),
           "F26: a hook that anybody can change is refused at the start", refused.tail())
    refused.stop()
    configure()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def death_of_the_supervisor(tap, namespace):
    configure()
    server = Server(namespace)
    server.says("serving: ")
    children = server.children()
    server.process.kill()
    server.process.wait()
    again = Server(namespace)
    tap.ok(again.says("serving: "), "the next start finds nothing in its way", again.tail())
    tap.ok(again.watch.within(5), "and serves within 5 s", again.watch)
    tap.ok(all(gone(p) for p in children.values()), "the children went with their supervisor")

    other = Server(namespace, "other")
    tap.equal(other.process.wait(10), 1, "a second one of the same configuration refuses to start")
    tap.ok(re.search(r"UDP port 123 is taken: another time daemon", other.text()),
           "and says what is taken", other.tail())
    tap.equal(sorted(again.children()), ["control", "dataplane", "ke"], "the first is not disturbed")
    again.stop()


def inherited(tap, namespace):
    configure()
    server = Server(namespace, under=("env", "--ignore-signal=CHLD"))
    server.says("serving: ")
    first = server.children()["dataplane"]
    os.kill(first, signal.SIGKILL)
    tap.ok(server.wait_child("dataplane", first, 2),
           "a parent that ignores SIGCHLD does not hide deaths", server.tail())
    server.stop()


def heartbeats(tap, namespace):
    configure("dataplane.stops")
    server = Server(namespace)
    server.says("serving: ")
    first = server.children()["dataplane"]
    watch = Stopwatch()
    tap.ok(server.says("stands still: killed", 4),
           "F3: a dataplane that is stopped is found", server.tail())
    tap.ok(server.wait_child("dataplane", first, 2), "F3: and its process started again")
    tap.ok(watch.within(4), "F3: in time", watch)
    server.stop()

    configure("dataplane.starves")
    server = Server(namespace)
    server.says("serving: ")
    first = server.children()
    os.kill(first["control"], signal.SIGSTOP)
    time.sleep(5)
    os.kill(first["control"], signal.SIGCONT)
    tap.equal(server.children(), first, "F3: one that gets no CPU for three seconds is left alone, "
              "P3: and so is control, stopped")
    tap.ok("stands still" not in server.text(), "F3: without a word", server.tail())
    server.stop()

    configure()
    server = Server(namespace)
    server.says("serving: ")
    first = server.children()
    os.kill(first["ke"], signal.SIGSTOP)
    watch = Stopwatch()
    tap.ok(server.wait_child("ke", first["ke"], 2) and watch.within(1.5),
           "F3: a ke that is stopped is killed and started again", f"{watch}\n{server.tail()}")
    tap.equal(server.children()["dataplane"], first["dataplane"], "F3: alone")
    server.stop()

    configure("dataplane.deaf", interface=True)
    server = Server(namespace)
    server.says("serving: ")
    children = server.children()
    watch = Stopwatch()
    tap.equal(server.stop(timeout=60), 0, "one that does not hear SIGTERM does not stop the end")
    tap.ok(4.5 < watch.took() and watch.within(8) and all(gone(p) for p in children.values()),
           "it is killed after 5 s", watch)

    configure("dataplane.flaps")
    server = Server(namespace)
    time.sleep(3)
    deaths = server.text().count("was ended by signal 6")
    tap.ok(4 <= deaths <= 8, "one that dies at once each time does not eat the machine",
           f"{deaths} deaths\n{server.tail()}")
    tap.equal(server.stop(), 0, "and SIGTERM ends it in between")


def refuses(tap, namespace, words, what):
    """F26: exit status 1 within 5 s, with a line that says why, and nothing left."""
    server = Server(namespace)
    try:
        code = server.process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        code = server.stop() and None
    took, soon = server.watch.took(), server.watch.within(5)
    tap.ok(code == 1 and soon and words in server.text() and
           not (HOME / "run/control.sock").exists(), f"F26: {what}",
           f"status {code} after {took:.1f} s\n{server.tail()}")


def bad_starts(tap, namespace):
    for script in ("control.fails", "ke.fails", "dataplane.fails"):
        configure(script, interface=True)
        refuses(tap, namespace, "the actor fails", f"{script} at the first start ends the whole")

    configure()
    with namespace.socket() as other:
        other.bind(("0.0.0.0", 123))
        refuses(tap, namespace, "UDP port 123 is taken: another time daemon (chronyd, ntpd, "
                "systemd-timesyncd)", "UDP port taken")
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", 4460))
        other.listen()
        refuses(tap, namespace, "TCP address 127.0.0.1:4460 (control.listen) is taken",
                "TCP port taken")
    configure(listen='"192.0.2.9:4460"')
    refuses(tap, namespace, "is not one of this machine", "an address of another machine")

    configure()
    (HOME / "cert.pem").rename(HOME / "away")
    refuses(tap, namespace, f"cannot open {HOME}/cert.pem (chain): No such file", "no certificate")
    (HOME / "away").rename(HOME / "cert.pem")
    os.chown(HOME / "keys", 0, 0)
    refuses(tap, namespace, f"chown {CONTROL}:{CONTROL} {HOME}/keys", "keys of somebody else")
    shutil.rmtree(HOME / "keys")
    (HOME / "run/control.sock").write_text("precious")
    server = Server(namespace)
    tap.equal([server.process.wait(6), (HOME / "run/control.sock").read_text()], [1, "precious"],
              "F26: a file at the socket's path is neither used nor removed")
    (HOME / "run/control.sock").unlink()

    text = (HOME / "noonmark.yaml").read_text()
    for before, after, words in (
            (f'user: "{CONTROL}"', f'user: "{DATAPLANE}"', "is also dataplane.user"),
            (f'user: "{CONTROL}"', f'user: "{DATAPLANE}:7"', "are both uid"),
            (f'user: "{CONTROL}"', "user: root", "is root or in its group"),
            (f'user: "{CONTROL}"', "user: nobody-has-this-name", "useradd --system"),
            ("stratum: 1", "stratum: 17", "noonmark.yaml:18: `time.stratum` is")):
        (HOME / "noonmark.yaml").write_text(text.replace(before, after))
        refuses(tap, namespace, words, f"{after}")


def command_line(tap):
    # By its path from here: other users cannot walk into a private checkout.
    program = os.path.relpath(BINARY)

    def run(*arguments, name=None, **options):
        return subprocess.run([name or BINARY, *arguments], executable=program, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    configure()
    file = HOME / "noonmark.yaml"
    got = run("--help")
    tap.ok(got.returncode == 0 and "--check-config" in got.stdout, "--help")
    got = run("--version")
    tap.ok(got.returncode == 0 and got.stdout.startswith("noonmarkd "), "--version")
    got = run("-c", file, "--check-config")
    tap.ok(got.returncode == 0 and "is valid" in got.stdout, "--check-config", got.stderr)
    got = run("-c", file, "--show-config")
    (HOME / "shown.yaml").write_text(got.stdout)
    tap.equal(run("-c", HOME / "shown.yaml", "--show-config").stdout, got.stdout,
              "--show-config prints what loads to the same")
    (HOME / "shown.yaml").write_text(got.stdout + "rate_limit: {}\n")
    got = run("-c", HOME / "shown.yaml", "--syntax")
    tap.ok(got.returncode == 1 and re.search(r"shown.yaml:\d+: `rate_limit` is not a key",
                                             got.stderr), "a wrong one is status 1", got.stderr)
    for arguments in (["--no-such"], ["-c"], ["serve"]):
        tap.equal(run(*arguments).returncode, 2, f"usage: {' '.join(arguments)} is status 2")
    got = run("-c", file, user=CONTROL, extra_groups=[])
    HOME.chmod(0o755)
    tap.ok(got.returncode == 1 and "sudo noonmarkd" in got.stderr, "who is not root is told",
           got.stderr)
    got = subprocess.run([METRICS_BINARY], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    tap.ok(got.returncode == 2 and "started by noonmarkd alone" in got.stderr, "nobody plays metrics", got.stderr)
    for role in ("control", "ke", "dataplane", "reload"):
        got = run(name=f"noonmarkd: {role}", stdin=subprocess.DEVNULL)
        tap.ok(got.returncode == 2 and "started by noonmarkd alone" in got.stderr,
               f"nobody plays {role} by its name", got.stderr)
    example = pathlib.Path(__file__).resolve().parents[2] / "etc/noonmark.yaml"
    got = run("-c", example, "--syntax")
    tap.ok(got.returncode == 1 and len(got.stderr.splitlines()) == 2 and
           re.search(r"noonmark.yaml:\d+: `time.stratum` is missing", got.stderr) and
           re.search(r"noonmark.yaml:\d+: `time.reference_id` is missing", got.stderr),
           "the example claims no stratum: unedited it is refused", got.stderr)
    text = example.read_text()
    edited = re.sub(r"^  #   (stratum|reference_id):", r"  \1:", text, flags=re.M)
    example = HOME / "example.yaml"
    example.write_text(edited)
    tap.equal(run("-c", example, "--syntax").returncode, 0, "with its own proposal, it is valid")
    lines = edited.splitlines()
    given = "\n".join(re.sub(r"^(\s*)# (\w+:)", r"\1\2", line) for line in lines)
    (HOME / "given.yaml").write_text(given)
    tap.equal(run("-c", HOME / "given.yaml", "--show-config").stdout,
              run("-c", example, "--show-config").stdout,
              "the example's comments are the defaults")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    HOME.mkdir(mode=0o755)
    namespace = None
    try:
        namespace = Namespace(TAG)
        namespace.ip("link", "set", "lo", "up")
        (HOME / "cert.pem").touch()
        (HOME / "key.pem").touch(0o600)
        with Tap() as tap:
            command_line(tap)
            what_each_child_is_given(tap, namespace)
            the_program_of_metrics(tap, namespace)
            deaths_of_children(tap, namespace)
            listeners_shut_down(tap, namespace)
            reloads(tap, namespace)
            the_hook(tap, namespace)
            death_of_the_supervisor(tap, namespace)
            inherited(tap, namespace)
            heartbeats(tap, namespace)
            bad_starts(tap, namespace)
    finally:
        for server in Server.started:  # a test that failed in its middle has left some
            server.stop()
        if namespace:
            namespace.close()
        shutil.rmtree(HOME, ignore_errors=True)


main()
