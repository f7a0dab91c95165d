#!/usr/bin/env python3
"""The dataplane by itself (launch.c: no supervisor, no control) over AF_XDP on a veth between two
network namespaces, and over memif between two processes. Prints TAP; root."""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "server"))
from harness import DATAPLANE_USER, PATIENCE_S, Namespace, Stopwatch, Tap, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ["NOONMARK_BUILD"]) / "tests" / "dataplane" / "port"
SERVER_V4, SERVER_V6, ANYCAST_V4 = "10.124.0.1", "fd6e:6e::1", "10.124.9.9"
SERVER_IF, CLIENT_IF = "steer0", "peer0"
MEMIF_MAC = "02:00:00:00:00:01"  # memif_client.c sends to it
CAPABILITIES = "+net_admin,+net_raw,+bpf,+ipc_lock"
NET_ADMIN = 1 << 12
PTRACE_ATTACH = 16

CONFIG = """
dataplane:
  cores: {cores}
  user: "{user}"
  ports:
    - {port}
time: {{source: fixed, stratum: 1, reference_id: TEST}}
control:
  certificates:
    - {{chain: /nonexistent/chain, key: /nonexistent/key}}
"""


class Launch:
    """The dataplane as the supervisor starts it: its own user, four capabilities."""

    def __init__(self, place, config, namespace=None):
        command = [BUILD / "launch", "serve", config]
        uid, gid = DATAPLANE_USER.split(":")
        command = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
                   f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}", *command]
        if namespace:
            command = namespace.command(*command)
        self.log_path = place / "log"
        self.watch = Stopwatch()
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        self.pid = int(line.split()[0]) if line.endswith("ready\n") else None
        self.first_line = line

    def log(self):
        return self.log_path.read_text()

    def threads(self):
        return [int(t) for t in os.listdir(f"/proc/{self.pid}/task")]

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self, timeout=PATIENCE_S):
        """Ends it (SIGTERM, unless it has ended) and returns status and counters."""
        try:
            rest, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            rest, _ = self.process.communicate()
        words = (self.first_line + rest).split("received", 1)[-1].split("\n")[0].split()
        counters = {"received": int(words[0])} if words else {}
        counters.update(zip(words[1::2], map(int, words[2::2])))
        return self.process.returncode, counters, rest


class World:
    def __enter__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="noonmark-port-"))
        # The dataplane makes its sockets here, and no other user may.
        os.chown(self.place, *map(int, DATAPLANE_USER.split(":")))
        self.place.chmod(0o755)
        tag = os.getpid()
        self.server, self.client = Namespace(f"nm-port-{tag}-s"), Namespace(f"nm-port-{tag}-c")
        self.server.ip("link", "add", SERVER_IF, "type", "veth", "peer", "name", CLIENT_IF, "netns",
                       self.client.name)
        for here, name, v4, v6 in ((self.server, SERVER_IF, SERVER_V4, SERVER_V6),
                                   (self.client, CLIENT_IF, "10.124.0.2", "fd6e:6e::2")):
            here.ip("addr", "add", f"{v4}/24", "dev", name)
            here.ip("addr", "add", f"{v6}/64", "dev", name, "nodad")
            here.ip("link", "set", "lo", "up")
            here.ip("link", "set", name, "up")
        self.client.ip("route", "add", "10.124.9.0/24", "via", SERVER_V4)
        self.running = []
        return self

    def __exit__(self, *_):
        for launch in self.running:
            if launch.process.poll() is None:
                launch.wait()
        self.server.close()
        self.client.close()
        shutil.rmtree(self.place)

    def config(self, name, port, n_cores=1):
        cores = sorted(os.sched_getaffinity(0))[-n_cores:]
        path = self.place / name
        path.write_text(CONFIG.format(cores=cores, port=port, user=DATAPLANE_USER))
        return path

    def launch(self, config, namespace=None):
        self.running.append(Launch(self.place, config, namespace))
        return self.running[-1]

    def ask(self, address, n=1, timeout=0.5):
        """Sends n plain requests; how many were answered rightly."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.client.entered():
            s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(timeout)
        right = 0
        for i in range(n):
            mark = struct.pack("!Q", 0x1234567800000000 + i)
            try:
                s.sendto(bytes([0x23]) + bytes(39) + mark, (address, 123))
                reply = s.recv(2000)
            except (TimeoutError, OSError):
                continue
            right += len(reply) == 48 and reply[0] == 0x24 and reply[24:32] == mark
        s.close()
        return right

    def program_id(self):
        """Of the XDP program on the server's interface, or None."""
        got = self.server.run("ip", "-d", "link", "show", "dev", SERVER_IF, stdout=subprocess.PIPE)
        words = got.stdout.split()
        return words[words.index("prog/xdp") + 2] if "prog/xdp" in words else None

    def program(self):
        """Its name, or None."""
        number = self.program_id()
        return number and subprocess.run(["bpftool", "prog", "show", "id", number], stdout=subprocess.PIPE,
                                         text=True).stdout.split()[3]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def echo_v4(world):
    """ICMP echo of the kernel."""
    with world.client.entered():
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(1)
    body = struct.pack("!BBHHH", 8, 0, 0, 77, 1)
    s.sendto(body[:2] + struct.pack("!H", checksum(body)) + body[4:], (SERVER_V4, 0))
    return s.recv(100)[20] == 0


def echo_v6(world):
    with world.client.entered():
        s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.settimeout(1)
    s.sendto(struct.pack("!BBHHH", 128, 0, 0, 77, 1), (SERVER_V6, 0))
    while (kind := s.recv(100)[0]) in (128, 135, 136):
        pass
    return kind == 129


def tcp(world, address):
    """A TCP connection to NTS-KE's port at the same address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with world.server.entered():
        listener = socket.create_server((address, 4460), family=family)
    with world.client.entered():
        s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(2)
    s.connect((address, 4460))
    s.close()
    listener.close()
    return True


def test_serving(world, tap, config):
    dataplane = world.launch(config, world.server)
    tap.ok(dataplane.pid, "F26: the dataplane serves as its own user, with four capabilities",
           dataplane.log())
    tap.equal(world.ask(SERVER_V4, 200, timeout=3), 200, "NTP-2: requests over IPv4 are answered")
    tap.equal(world.ask(SERVER_V6, 200, timeout=3), 200, "NTP-2: requests over IPv6 are answered")
    tap.equal(world.program(), "noonmark_steer", "our XDP program is attached")
    # The neighbour caches are emptied first, so that ARP and ND are seen too.
    world.client.ip("neigh", "flush", "dev", CLIENT_IF)
    tap.ok(echo_v4(world), "ARP and ICMP at the same address stay with the kernel")
    tap.ok(echo_v6(world), "ND and ICMPv6 at the same address stay with the kernel")
    tap.ok(tcp(world, SERVER_V4) and tcp(world, SERVER_V6),
           "TLS-7: TCP 4460 at the same addresses stays with the kernel")
    return dataplane


def replies_for(world, seconds):
    """Asks for so long: of each reply its leap indicator and how far its receive timestamp lies
    outside of what the client saw on the same clock, in seconds."""
    with world.client.entered():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.5)
    got = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sent = time.time()
        mark = struct.pack("!d", sent)
        s.sendto(bytes([0x23]) + bytes(39) + mark, (SERVER_V4, 123))
        try:
            while (reply := s.recv(2000))[24:32] != mark:
                continue  # an earlier request's, which was given up
        except TimeoutError:
            continue
        back = time.time()
        receive = struct.unpack("!Q", reply[32:40])[0] / 2**32 - 2208988800
        got.append((reply[0] >> 6, max(sent - receive, receive - back)))
    s.close()
    return got


def test_belief(world, tap, config):
    """F6: control's clock is an hour off, and says that it is right."""
    dataplane = world.launch(config, world.server)
    got = []
    for _ in range(2):
        dataplane.process.send_signal(signal.SIGUSR1)
        got.append(replies_for(world, 1.5))
    lies, right = got
    wrong = [reply for reply in lies + right if reply[0] != 3 and reply[1] > 0.001]
    tap.ok(not wrong, f"F6: of {len(lies + right)} replies none is wrong and says that it is right", wrong[:5])
    tap.ok(lies and right and lies[-1][0] == 3 and lies[-1][1] > 3500 and right[-1][0] == 0,
           "a clock that is an hour off is served as LI 3 until it is right", (lies[-1:], right[-1:]))
    log = dataplane.log()
    tap.ok("is off CLOCK_REALTIME (by -3600" in log and "is right again" in log, "and the log says both", log)
    status, *_ = dataplane.wait()
    tap.equal(status, 0, "the dataplane ends well")


def test_rights(world, tap, dataplane):
    sets = {field: set() for field in ("CapEff", "CapPrm", "CapInh", "CapAmb")}
    for tid in dataplane.threads():
        for line in pathlib.Path(f"/proc/{dataplane.pid}/task/{tid}/status").read_text().splitlines():
            field, _, value = line.partition(":")
            if field in sets:
                sets[field].add(int(value, 16))
    tap.equal(sets, dict.fromkeys(sets, {0}), f"all {len(dataplane.threads())} threads keep no capability")
    names = {pathlib.Path(f"/proc/{dataplane.pid}/task/{tid}/comm").read_text().strip()
             for tid in dataplane.threads()}
    tap.ok(len(dataplane.threads()) == 2 and "DPDK" not in dataplane.log(),
           "with interfaces alone DPDK is not started: housekeeping and a core alone", (names, dataplane.log()))
    status = pathlib.Path(f"/proc/{dataplane.pid}/status").read_text()
    locked = int(status.split("VmLck:")[1].split()[0])
    swapped = int(status.split("VmSwap:")[1].split()[0])
    limits = pathlib.Path(f"/proc/{dataplane.pid}/limits").read_text()
    core = limits.split("Max core file size")[1].split()[:2]
    tap.ok(locked > 1000 and swapped == 0 and core == ["0", "0"],
           "F5, P6: memory is locked and no core file is written", status + limits)


def test_addresses(world, tap):
    tap.equal(world.ask(ANYCAST_V4), 0, "an address that the host lacks is not served")
    world.server.ip("addr", "add", f"{ANYCAST_V4}/32", "dev", "lo")
    tap.ok(wait_for(lambda: world.ask(ANYCAST_V4, timeout=0.1), 3),
           "an address that is added, even on lo, is served at once")
    world.server.ip("addr", "del", f"{ANYCAST_V4}/32", "dev", "lo")
    tap.ok(wait_for(lambda: not world.ask(ANYCAST_V4, timeout=0.2), 3),
           "and no longer once it is removed")
    tap.equal(world.ask(SERVER_V4, 5), 5, "while the others are served on")


def test_lost_tags(world, tap):
    """What the program sees of a frame whose VLAN tag lies beside it is a frame without one."""
    if tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) < (6, 8):
        tap.skip("frames that have lost their VLAN tag", "the kernel tells of them from 6.8 on")
        return
    dev = ("dev", CLIENT_IF)
    before = world.ask(SERVER_V4)
    world.client.run("tc", "qdisc", "add", *dev, "clsact")
    world.client.run("tc", "filter", "add", *dev, "egress", "bpf", "da", "obj",
                     BUILD / "push_tag.bpf.o", "sec", "tc")
    tagged = world.ask(SERVER_V4, 3, timeout=0.2)
    world.client.run("tc", "qdisc", "del", *dev, "clsact")
    tap.equal((before, tagged, world.ask(SERVER_V4)), (1, 0, 1),
              "a request that has lost its VLAN tag gets no reply in another VLAN")


def test_end(world, tap, dataplane):
    status, counters, text = dataplane.wait()
    tap.equal(status, 0, "SIGTERM ends it in order")
    tap.equal(world.program(), None, "SIGTERM detaches the XDP program")
    tap.equal(counters.get("received"), sum(v for k, v in counters.items() if k != "received"),
              "P8: received frames and outcomes agree")
    tap.ok("driver veth mode XDP native, copy queues 1 link 1" in text, "the board says what the port is", text)


def test_crash(world, tap, config):
    dataplane = world.launch(config, world.server)
    dataplane.kill()
    tap.equal(world.program(), None, "F2: a SIGKILL leaves no program behind")
    dataplane = world.launch(config, world.server)
    tap.ok(dataplane.pid and world.ask(SERVER_V4) and dataplane.watch.within(5),
           "F2: and the next start serves within 5 s", dataplane.log())
    second = world.launch(config, world.server)
    status, _, _ = second.wait()
    tap.ok(status == 1 and "xdp off" in second.log() and world.ask(SERVER_V4, 20) == 20,
           "F26: a second server on the interface, where nobody holds its lock, fails with one line and harms nobody",
           second.log())
    got = world.server.run("ip", "link", "set", "dev", SERVER_IF, "xdp", "off", check=False, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    tap.ok(got.returncode != 0 and world.ask(SERVER_V4, 20) == 20, "nor does 'xdp off' take the program off", got.stdout)
    dataplane.wait()


def test_stuck(world, tap, config):
    dataplane = world.launch(config, world.server)
    # Once it answers it has had its first turn, in which it says which thread it is.
    wait_for(lambda: world.ask(SERVER_V4), 5)
    tid = next(t for t in dataplane.threads() if pathlib.Path(
        f"/proc/{dataplane.pid}/task/{t}/comm").read_text().startswith("core"))
    libc = ctypes.CDLL(None, use_errno=True)
    watch = Stopwatch()
    tap.equal(libc.ptrace(PTRACE_ATTACH, tid, 0, 0), 0, "F3: a polling thread is stopped")
    # Reaped through its tracer too: we are it.
    wait_for(lambda: "stuck" in dataplane.log(), 5)
    took, soon = watch.took(), watch.within(2.5)
    try:
        os.waitpid(tid, 0x40000000)  # __WALL
    except ChildProcessError:
        pass
    status, _, _ = dataplane.wait()
    tap.ok(status != 0 and soon,
           f"F3: noticed and ended after {took:.1f} s, to be started anew", dataplane.log())
    tap.equal(world.program(), None, "F3: and its program has gone with it")


def errors(log):
    return [line for line in log.splitlines() if "error:" in line]


def test_refusals(world, tap, config):
    def refused(text, port, words, namespace=None):
        dataplane = world.launch(world.config("refused.yaml", port), namespace)
        status, _, _ = dataplane.wait()
        took, soon = dataplane.watch.took(), dataplane.watch.within(5)
        lines = errors(dataplane.log())
        tap.ok(status == 1 and soon and len(lines) == 1 and words in lines[0],
               f"F26: {text}: one line, within 5 s", f"{status} {took}\n{dataplane.log()}")

    refused("no such interface", "interface: nonesuch", "no such network interface", world.server)
    refused("no such DPDK driver", 'vdev: "net_nonesuch0"\n      addresses: [192.0.2.1]', "has no such driver; if there is one, Debian has it in the package "
            "librte-net-nonesuch")
    refused("a directory that is missing",
            'vdev: "net_memif0,role=server,socket=/nonexistent/m,socket-abstract=no,mac=02:00:00:00:00:01"\n'
            '      addresses: [192.0.2.1]', "the directory of its socket must exist")
    refused("an argument that the driver does not know",
            'vdev: "net_null0,nonesuch=1"\n      addresses: [192.0.2.1]', "refuses its arguments")

    open_to_all = world.place / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    refused("a directory in which anybody may take the socket's name",
            f'vdev: "net_memif0,role=server,socket={open_to_all}/m,socket-abstract=no,mac=02:00:00:00:00:01"\n'
            '      addresses: [192.0.2.1]', "another user may write to")

    world.client.ip("link", "set", CLIENT_IF, "mtu", "9000")
    refused("a peer with a large MTU", f"interface: {SERVER_IF}", "mtu 1500", world.server)
    world.client.ip("link", "set", CLIENT_IF, "mtu", "1500")

    # Somebody else's program: any object will do, under another name.
    (world.place / "pass.c").write_text(
        'int other(void *packet) __attribute__((section("xdp"), used));\n'
        'int other(void *packet) { (void)packet; return 2; }\n')
    subprocess.run(["clang", "-O2", "-target", "bpf", "-c", world.place / "pass.c", "-o",
                    world.place / "pass.o"], check=True)
    world.server.ip("link", "set", "dev", SERVER_IF, "xdp", "obj", str(world.place / "pass.o"),
                    "sec", "xdp")
    refused("a foreign XDP program, named with the command that removes it", f"interface: {SERVER_IF}",
            f"another XDP program (id {world.program_id()}) is attached to it", world.server)
    tap.equal(world.program(), "other", "and it is left")
    world.server.ip("link", "set", "dev", SERVER_IF, "xdp", "off")


def test_cores(world, tap):
    """Two ports on two cores, each port with one queue."""
    if len(os.sched_getaffinity(0)) < 2:
        tap.skip("two cores serve two ports", "one CPU")
        return
    path = world.place / "cores.sock"
    config = world.config(
        "cores.yaml", f"interface: {SERVER_IF}\n"
                      f'    - vdev: "net_memif0,role=server,socket={path},socket-abstract=no,'
                      f'mac={MEMIF_MAC}"\n'
                      "      addresses: [192.0.2.1]", n_cores=2)
    dataplane = world.launch(config, world.server)
    answered = world.ask(SERVER_V4, 50)
    got = subprocess.run([BUILD / "memif_client", path, "2000"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    tap.ok(answered == 50 and got == "sent 2000 answered 2000\n", "two cores serve two ports",
           f"{answered} {got} {dataplane.log()}")
    if dataplane.process.poll() is None:
        dataplane.kill()  # why, stands in test_memif


def test_queues(world, tap):
    """A veth with two queues: the client's kernel spreads flows over both."""
    here, there, server, client = "two0", "two1", "10.125.0.1", "10.125.0.2"

    def join(sending):
        world.server.ip("link", "add", here, "numrxqueues", "2", "numtxqueues", sending, "type", "veth", "peer", "name",
                        there, "numrxqueues", "2", "numtxqueues", "2", "netns", world.client.name)
        for place, name, address in ((world.server, here, server), (world.client, there, client)):
            place.ip("addr", "add", f"{address}/24", "dev", name)
            place.ip("link", "set", name, "up")

    def serve(n_cores, flows):
        config = world.config("queues.yaml", f"interface: {here}", n_cores=n_cores)
        dataplane = world.launch(config, world.server)
        answered = sum(world.ask(server, 2, timeout=3) for _ in range(flows))  # each from another port
        _, _, text = dataplane.wait()
        received = [int(line.split()[-1]) for line in text.splitlines() if line.startswith("core ")]
        return answered, text + dataplane.log(), received

    join("2")
    for n_cores in range(1, 1 + min(2, len(os.sched_getaffinity(0)))):
        answered, text, received = serve(n_cores, 64)
        tap.ok(answered == 128 and "queues 2" in text and "can be served" not in text and
               len(received) == n_cores and min(received) >= 16,
               f"two queues are served by {n_cores} core{'s' * (n_cores > 1)}, none is left out", (answered, text))
    world.server.ip("link", "del", here)
    join("1")
    _, text, _ = serve(1, 1)
    tap.ok("packets may arrive on 2 queues but only 1 can be served" in text and "queues 1" in text,
           "a queue that cannot send is named, and not served", text)
    world.server.ip("link", "del", here)


def test_flaps(world, tap, config):
    dataplane = world.launch(config, world.server)
    for _ in range(20):
        world.server.ip("link", "set", SERVER_IF, "down")
        world.server.ip("link", "set", SERVER_IF, "up")
    # IPv6 addresses go with the link, IPv4 ones stay.
    tap.ok(wait_for(lambda: world.ask(SERVER_V4, timeout=0.1), 3),
           "F9: after 20 flaps of the link it serves", dataplane.log())
    status, counters, _ = dataplane.wait()
    tap.ok(status == 0 and counters["received"] > 0, "F9: and ends in order", dataplane.log())


def dpdk_files():
    """Where DPDK would put its files: others of this machine may have some, too."""
    places = ["/tmp/dpdk", "/run/dpdk", f"/run/user/{DATAPLANE_USER.split(':')[0]}"]
    return {str(path) for place in map(pathlib.Path, places) if place.exists()
            for path in (place, *place.rglob("*")) if "ntsperf" not in path.name}


def test_metadata(world, tap):
    """AF_XDP frames with metadata: no driver here stamps them, but in copy mode the kernel does, when it
    frees them, and takes launch times without looking at them. Linux before 6.8 takes none of it, before
    6.14 no launch time."""
    got = world.server.run(BUILD / "metadata_kernel", SERVER_IF, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = dict(line.split(" ", 1) for line in got.stdout.splitlines())
    tap.ok(said.get("features") == "0", "the kernel tells what a veth's driver stamps: nothing", got.stdout)
    if said.get("metadata") != "yes":
        tap.skip("IL-9: frames with metadata", f"this kernel takes none: {got.stdout}")
        return
    tap.ok((said["stamped"], said["launched"], said["invalid"]) == ("100 of 100", "100 of 100", "0"),
           "IL-9: the kernel takes frames with metadata, and stamps those that ask for it", got.stdout)


def test_memif(world, tap):
    before = dpdk_files()
    path = world.place / "memif.sock"
    config = world.config(
        "memif.yaml", f'vdev: "net_memif0,role=server,socket={path},socket-abstract=no,'
                      f'mac={MEMIF_MAC}"\n'
                      "      addresses: [192.0.2.1]")

    def ask(n):
        got = subprocess.run([BUILD / "memif_client", path, str(n)], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        return got.stdout.splitlines()[-1]

    dataplane = world.launch(config)
    tap.equal(ask(20000), "sent 20000 answered 20000", "net_memif: 20,000 requests are answered")
    # DPDK 22.11's driver unmaps a leaving peer's memory under a thread that may be reading it, so
    # the end of this one is a kill.
    if dataplane.process.poll() is None:
        dataplane.kill()
    tap.ok(path.exists(), "F2: a SIGKILL leaves the socket behind")
    dataplane = world.launch(config)
    tap.ok(dataplane.pid and "crashed run is removed" in dataplane.log(),
           "F2: and the next start finds nothing in its way", dataplane.log())
    status, _, _ = dataplane.wait()
    tap.ok(status == 0 and not path.exists(), "SIGTERM removes the socket", dataplane.log())
    tap.equal(dpdk_files() - before, set(), "F2: nothing of DPDK is left on disk")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    with World() as world, Tap() as tap:
        config = world.config("xdp.yaml", f"interface: {SERVER_IF}")
        dataplane = test_serving(world, tap, config)
        test_rights(world, tap, dataplane)
        test_addresses(world, tap)
        test_lost_tags(world, tap)
        test_end(world, tap, dataplane)
        test_crash(world, tap, config)
        test_stuck(world, tap, config)
        test_belief(world, tap, config)
        test_refusals(world, tap, config)
        test_memif(world, tap)
        test_cores(world, tap)
        test_queues(world, tap)
        test_metadata(world, tap)
        test_flaps(world, tap, config)


if __name__ == "__main__":
    main()
