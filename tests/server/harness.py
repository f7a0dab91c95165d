"""A world for whole-server tests: two network namespaces joined by a veth, certificates, a
noonmarkd in the one and real clients in the other.

    with World("chronyd") as world, Tap() as tap:
        world.start()
        client = world.chronyd(nts=True)
        tap.ok(client.wait_synchronised(), "EXP-1: chronyd synchronises")

Everything that a world starts is ended by its pid, and every namespace removed, when it closes. When the test is
killed, janitor.py does it.
Files lie in build/worlds/NAME (logs, configuration, keys, clients' state). Root only; the Python
standard library only. One thread: a socket is made in a namespace by entering it for that moment.
"""

import contextlib
import ctypes
import functools
import json
import mmap
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/docs"))
import janitor  # noqa: E402
from blocks import documented  # noqa: E402
BUILD = pathlib.Path(os.environ.get("NOONMARK_BUILD", ROOT / "build")).resolve()
CLIENTS = pathlib.Path(os.environ.get("NOONMARK_CLIENTS", ROOT / "build" / "clients"))

# `dataplane.crypto` of every server that is started here: ./check --crypto sets it.
CRYPTO = os.environ.get("NOONMARK_CRYPTO") or "auto"

SERVER_V4, SERVER_V6 = "10.123.0.1", "fd6e:6d::1"
CLIENT_V4, CLIENT_V6 = "10.123.0.2", "fd6e:6d::2"
SERVER_IF, CLIENT_IF = "serve0", "ask0"
KE_PORT, NTP_PORT = 4460, 123
SERVER_NAME = "ntp.test"

# Numeric, so that no account has to exist. Nothing else on a machine is likely to own them.
DATAPLANE_USER, CONTROL_USER = "64731:64731", "64732:64732"
OPENNTPD_ID, NTPD_RS_ID = 64733, 64734

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


PATIENCE_S = 30


def wait_for(what, timeout, every=0.05):
    """Calls what() until it returns something true, which is returned, or time is up: None. A shorter
    timeout tells how long it takes on an idle machine; a busy one gets PATIENCE_S. How soon
    something must be there is told by a Stopwatch."""
    end = time.monotonic() + max(timeout, PATIENCE_S)
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() >= end:
            return None
        time.sleep(every)


class Pulse:
    """How late this machine is: a process of its own, which wants 1 ms of a CPU every 50 ms, sums up how
    much later than that it was. Another program, a hypervisor or a debugger may be the reason."""

    EVERY, WORK = 0.05, 0.001

    def __init__(self):
        self.shared = mmap.mmap(-1, 16)  # the sum, and when this round began
        struct.pack_into("dd", self.shared, 0, 0, time.monotonic())
        parent = os.getpid()
        if os.fork() == 0:
            try:
                libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's, which is the parent's matter
                os.closerange(0, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
                while os.getppid() == parent:
                    self._round()
            finally:
                os._exit(0)

    def _round(self):
        time.sleep(self.EVERY)
        end = time.process_time() + self.WORK
        while time.process_time() < end:
            pass
        struct.pack_into("dd", self.shared, 0, self.late_s(), time.monotonic())

    def late_s(self):
        late, begun = struct.unpack_from("dd", self.shared)
        return late + max(0, time.monotonic() - begun - self.EVERY - self.WORK)


@functools.cache
def pulse():
    """The one of this test. It is begun when it is first asked for: benchmarks use this file, too."""
    return Pulse()


def waited_s():
    """The time since the start of the system in which some process waited for a CPU, as the kernel tells it."""
    try:
        return int(pathlib.Path("/proc/pressure/cpu").read_text().split("total=")[1].split()[0]) / 1e6
    except OSError:
        return 0  # it does not tell


class Stopwatch:
    """Measures how long something took against a limit. The time in which processes waited for a CPU does not
    count. What the machine was late besides is allowed for, many times over, because the server's processes and
    the test wait for each other."""

    WEIGHT = 20

    def __init__(self):
        self.begun, self.late, self.waited = time.monotonic(), pulse().late_s(), waited_s()

    def took(self):
        return time.monotonic() - self.begun

    def allowed(self, limit):
        return limit + waited_s() - self.waited + self.WEIGHT * (pulse().late_s() - self.late)

    def within(self, limit):
        return self.took() <= self.allowed(limit)

    def __str__(self):
        return f"{self.took():.2f} s; processes waited for {waited_s() - self.waited:.2f} s, and the machine was " \
            f"late by {pulse().late_s() - self.late:.2f} s"


class Tap:
    """Prints a TAP stream. A test's text starts with the rules that it proves: "NTS-8: ..."."""

    def __init__(self):
        self.n = 0
        self.failed = 0

    def __enter__(self):
        print("TAP version 13", flush=True)
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not SystemExit:
            import traceback
            self.ok(False, f"the test ran to its end: {kind.__name__}",
                    "".join(traceback.format_exception(kind, value, trace)))
        if kind is SystemExit:
            return False  # a test that skips has printed its own plan
        print(f"1..{self.n}", flush=True)
        if self.failed:
            sys.exit(1)
        return True

    def ok(self, passed, text, detail=""):
        self.n += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.n} - {text}", flush=True)
        if not passed and detail:
            self.note(detail)
        return bool(passed)

    def equal(self, got, wanted, text):
        return self.ok(got == wanted, text, f"got {got!r}, wanted {wanted!r}")

    def skip(self, text, reason):
        self.n += 1
        print(f"ok {self.n} - {text} # SKIP {reason}", flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)


class Namespace:
    """A network namespace of our own, by a name that no other run uses: janitor.py says how it begins."""

    def __init__(self, name):
        self.name = name
        janitor.employ()
        subprocess.run(["ip", "netns", "add", name], check=True)

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], stderr=subprocess.DEVNULL)

    def ip(self, *arguments):
        subprocess.run(["ip", "-n", self.name, *arguments], check=True)

    def command(self, *arguments):
        return ["ip", "netns", "exec", self.name, *map(str, arguments)]

    def run(self, *arguments, **options):
        options.setdefault("check", True)
        options.setdefault("text", True)
        return subprocess.run(self.command(*arguments), **options)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is inside while this lasts: sockets made then stay inside."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        inside = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if libc.setns(inside, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(home)
            os.close(inside)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM):
        with self.entered():
            return socket.socket(family, kind)


class Program:
    """A process that a world started, with its log in a file."""

    def __init__(self, name, command, log, **options):
        self.name = name
        self.log = pathlib.Path(log)
        with open(log, "ab") as out:
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT, **options)
        self.pid = self.process.pid

    def alive(self):
        return self.process.poll() is None

    def send(self, number):
        if self.alive():
            self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=PATIENCE_S):
        """Asks it to end and waits; past the time it is killed. The exit status, or None if it
        had to be killed."""
        self.send(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def tail(self, lines=30):
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return f"--- {self.name}: {self.log}\n" + "\n".join(text)


class Chronyd(Program):
    """chronyd, unpacked, in the client's namespace; never touches a clock (-x, and the right
    to set it is taken away besides)."""

    def __init__(self, world, name, address, nts=True, poll=-3, extra=(), trusted=None,
                 options="", namespace=None):
        """options: of the line `server`. extra: lines of its configuration. namespace: where it runs,
        if not in the client's."""
        self.world = world
        self.home = world.directory(name)
        self.address = address
        self.socket = self.home / "chronyd.sock"
        server = documented("clients.md", "chrony.conf", host=address).strip()
        lines = [
            "user root",
            f"{server if nts else server.removesuffix(' nts')} minpoll {poll} maxpoll {poll} {options}",
            f"ntsdumpdir {self.home}",
            f"pidfile {self.home}/chronyd.pid",
            f"bindcmdaddress {self.socket}",
            "cmdport 0",
            *extra,
        ]
        if nts:
            lines.append(f"ntstrustedcerts {trusted or world.certificate}")
        configuration = self.home / "chrony.conf"
        configuration.write_text("\n".join(lines) + "\n")
        chronyd = CLIENTS / "chrony/usr/sbin/chronyd"
        namespace = namespace or world.client
        super().__init__(name, namespace.command(*world.no_clock, chronyd, "-x", "-d", "-f",
                                                 configuration), self.home / "log")

    def ask(self, *command):
        """What chronyc prints, as rows of CSV fields; [] while chronyd does not answer."""
        chronyc = CLIENTS / "chrony/usr/bin/chronyc"
        got = subprocess.run([chronyc, "-h", self.socket, "-n", "-c", *command],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if got.returncode != 0:
            return []
        return [line.split(",") for line in got.stdout.splitlines()]

    def show(self, *command):
        chronyc = CLIENTS / "chrony/usr/bin/chronyc"
        return subprocess.run([chronyc, "-h", self.socket, "-n", *command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def authdata(self):
        rows = self.ask("authdata")
        if not rows:
            return None
        names = ("address", "mode", "key_id", "type", "key_length", "last", "attempts", "nak",
                 "cookies", "cookie_length")
        got = dict(zip(names, rows[0]))
        return {k: int(v) if re.fullmatch(r"-?\d+", v) else v for k, v in got.items()}

    def source(self):
        rows = self.ask("sources")
        if not rows:
            return None
        r = rows[0]
        return {"state": r[1], "stratum": int(r[3]), "reach": int(r[5], 8), "offset": float(r[7])}

    def ntpdata(self):
        """The counters at the end of `ntpdata`: total sent, received, valid, good."""
        text = self.show("ntpdata", self.address)
        return {k: int(v) for k, v in re.findall(r"^(Total \w+(?: \w+)?)\s*: (\d+)", text, re.M)}

    def synchronised(self, reach=0o377):
        s = self.source()
        return s is not None and s["state"] == "*" and s["reach"] & reach == reach

    def wait_synchronised(self, timeout=30, reach=0o377):
        return wait_for(lambda: self.synchronised(reach), timeout, 0.2)

    def explain(self):
        return "\n".join([self.show("authdata"), self.show("sources"), self.tail(),
                          self.world.server_tail()])


class Ntpd(Program):
    """ntpsec's ntpd, unpacked, in the client's namespace: `disable ntp` and no CAP_SYS_TIME."""

    def __init__(self, world, name, address, poll=1):
        self.world = world
        self.home = world.directory(name)
        configuration = self.home / "ntp.conf"
        configuration.write_text("\n".join([
            "disable ntp",
            "logconfig =all",
            documented("clients.md", "ntp.conf", host=address).strip() +
            f" ca {world.certificate} minpoll {poll} maxpoll {poll}",
            "restrict default", "restrict 127.0.0.1", "restrict ::1"]) + "\n")
        super().__init__(name, world.client.command(
            *world.no_clock, CLIENTS / "ntpsec/usr/sbin/ntpd", "-n", "-c", configuration,
            "-p", self.home / "ntpd.pid"), self.home / "log")

    def query(self, *commands):
        python = CLIENTS / "python3-ntp/usr/lib/python3/dist-packages"
        # ntpq's module looks for its library beside itself first, but by the unversioned name.
        link = python / "ntp/libntpc.so"
        if not link.exists():
            library = next((CLIENTS / "python3-ntp/usr/lib").glob("*/ntp/libntpc.so.*"))
            with contextlib.suppress(FileExistsError):
                link.symlink_to(library)
        arguments = [a for c in commands for a in ("-c", c)]
        got = self.world.client.run(sys.executable, CLIENTS / "ntpsec/usr/bin/ntpq", "-n",
                                    *arguments, "127.0.0.1", check=False, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT,
                                    env={**os.environ, "PYTHONPATH": str(python)})
        return got.stdout

    def counter(self, name):
        found = re.search(rf"^{re.escape(name)}:\s*(\d+)", self.query("ntsinfo"), re.M)
        return int(found.group(1)) if found else 0

    def synchronised(self):
        return re.search(r"^\*", self.query("peers"), re.M) is not None

    def explain(self):
        return "\n".join([self.query("peers", "ntsinfo", "rv &1"), self.tail(),
                          self.world.server_tail()])


class Openntpd(Program):
    """OpenNTPD 6.2p3, unpacked, in the client's namespace, without CAP_SYS_TIME. Each address is a
    server of its own to it, also one that is given twice.

    It drops its rights to Debian's user `ntpd` and chroots to that user's home, and its control
    socket is at a fixed place in /var/lib. In a mount namespace of its own, which `ip netns exec`
    has made, both are ours, so that the machine needs neither the account nor the directory."""

    PRIVATE = """\
        mount --bind "$1" /etc/passwd && mount -t tmpfs none /var/lib &&
        mkdir -p /var/lib/openntpd/run /var/lib/openntpd/db && shift && exec "$@"
        """
    BUILT = CLIENTS / "openntpd/usr/sbin"

    def __init__(self, world, name, addresses):
        self.world = world
        self.home = world.directory(name)
        jail = self.home / "jail"  # root's, as it demands
        jail.mkdir(mode=0o755)
        passwd = self.home / "passwd"
        passwd.write_text("root:x:0:0:root:/root:/bin/sh\n"
                          f"ntpd:x:{OPENNTPD_ID}:{OPENNTPD_ID}::{jail}:/usr/sbin/nologin\n")
        passwd.chmod(0o644)
        configuration = self.home / "ntpd.conf"
        configuration.write_text("".join(documented("clients.md", "ntpd.conf", host=address)
                                         for address in addresses))
        super().__init__(name, world.client.command(
            "sh", "-c", self.PRIVATE, "sh", passwd, *world.no_clock, self.BUILT / "ntpd", "-d",
            "-v", "-f", configuration), self.home / "log")

    def said(self, pattern):
        """The lines of its log in which the pattern is found."""
        return [line for line in self.log.read_text(errors="replace").splitlines()
                if re.search(pattern, line)]

    def show(self):
        """ntpctl's table of servers, with validity and trust. With its root: the tests may run in a
        chroot, which a mount namespace alone would lead out of."""
        return subprocess.run(["nsenter", "--target", str(self.pid), "--mount", "--root",
                               self.BUILT / "ntpctl", "-s", "all"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout

    def explain(self):
        return "\n".join([self.show(), self.tail(60), self.world.server_tail()])


def deaf_clock():
    """A function that makes the calling process, and all that it starts, unable to set any clock: the system calls
    for it do nothing and say that they have done it."""
    allow, pretend = 0x7fff0000, 0x00050000  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(0)
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(allow)))
    for name in (b"adjtimex", b"clock_adjtime", b"clock_settime", b"settimeofday"):
        number = seccomp.seccomp_syscall_resolve_name(name)
        if seccomp.seccomp_rule_add(rules, ctypes.c_uint32(pretend), number, 0) != 0:
            raise OSError("seccomp_rule_add")

    def load():
        if seccomp.seccomp_load(rules) != 0:
            raise OSError("seccomp_load")
    return load


class NtpdRs(Program):
    """ntpd-rs, unpacked, in the client's namespace. It knows no mode in which it only looks, and ends where it cannot
    steer the clock. So it has no right to, as a user of its own, and in addition a filter of system calls lets it
    believe that it steers."""

    # ntpd-rs 1.4 cannot read an IPv6 address in its configuration, so the server has its name, which is a
    # line of a file of our own. `ip netns exec` has made the mount namespace.
    PRIVATE = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'

    def __init__(self, world, name, address):
        self.world = world
        self.home = world.directory(name)
        # Its user cannot walk into a private checkout.
        self.place = world.runtime / name
        self.place.mkdir(mode=0o755)
        os.chown(self.place, NTPD_RS_ID, NTPD_RS_ID)
        certificate = self.place / "trusted.pem"
        shutil.copyfile(world.certificate, certificate)
        hosts = self.place / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{address} {SERVER_NAME}\n")
        for file in (certificate, hosts):
            file.chmod(0o644)
        self.configuration = self.place / "ntp.toml"
        self.configuration.write_text(f"""\
[observability]
log-level = "info"
observation-path = "{self.place}/observe"
{documented("clients.md", "ntp.toml", host=SERVER_NAME)}\
certificate-authority = "{certificate}"
[synchronization]
minimum-agreeing-sources = 1
single-step-panic-threshold = 1
startup-step-panic-threshold = 1
[source-defaults]
poll-interval-limits = {{ min = 0, max = 0 }}
initial-poll-interval = 0
""")
        rights = ["setpriv", f"--reuid={NTPD_RS_ID}", f"--regid={NTPD_RS_ID}", "--clear-groups",
                  *world.no_clock[1:]]
        super().__init__(name, world.client.command(
            "sh", "-c", self.PRIVATE, "sh", hosts, *rights, CLIENTS / "ntpd-rs/usr/bin/ntp-daemon", "-c",
            self.configuration), self.home / "log", preexec_fn=deaf_clock())

    def ask(self):
        """What it shows of itself, as its ntp-ctl gets it; None while it does not answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(2)
            try:
                s.connect(str(self.place / "observe"))
                octets = s.makefile("rb").read()
                return json.loads(octets[8:])  # after its length
            except (OSError, ValueError):
                return None

    def source(self):
        """Of its one source: address, reach, cookies, offset; None before it has one."""
        shown = self.ask()
        return shown["sources"][0] if shown and shown["sources"] else None

    def explain(self):
        return "\n".join([json.dumps(self.ask()), self.tail(10), self.world.server_tail()])


class World:
    """name: of the directory under build/worlds, also part of the namespaces' names."""

    queues = 1  # of each end of its veth, each way

    def __init__(self, name):
        if os.geteuid() != 0:
            print(f"1..0 # SKIP {name}: needs root, for network namespaces and AF_XDP")
            sys.exit(0)
        self.name = name
        self.home = BUILD / "worlds" / name
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.no_clock = ["setpriv", "--bounding-set", "-sys_time", "--inh-caps", "-sys_time"]
        self.programs = []
        self.namespaces = []
        self.addresses = [SERVER_V4, SERVER_V6]  # that the certificate is for
        self.noonmarkd = None
        self.binary = BUILD / "noonmarkd"
        self.ran_forced = CRYPTO == "auto"
        self.configuration = self.home / "noonmark.yaml"
        # Unix sockets have short names, and the checkout may lie deep.
        self.runtime = pathlib.Path(f"/run/nm-{name[:20]}-{os.getpid()}")
        self.state = self.home / "state"

    def __enter__(self):
        try:
            self.runtime.mkdir(mode=0o755)
            self._wire()
            self.certify()
            self.configure()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for program in reversed(self.programs):
            program.stop()
        for namespace in reversed(self.namespaces):
            namespace.close()
        shutil.rmtree(self.runtime, ignore_errors=True)

    def _wire(self):
        tag = f"nm-{self.name[:20]}-{os.getpid()}"
        for role in ("server", "client"):
            namespace = Namespace(f"{tag}-{role}")
            self.namespaces.append(namespace)
            setattr(self, role, namespace)
            namespace.ip("link", "set", "lo", "up")
        self.join((SERVER_IF, SERVER_V4, SERVER_V6), (CLIENT_IF, CLIENT_V4, CLIENT_V6))

    def join(self, server, client):
        """Joins the namespaces by a veth. Each end: interface, IPv4 address, IPv6 address."""
        queues = ["numrxqueues", str(self.queues), "numtxqueues", str(self.queues)]
        subprocess.run(["ip", "link", "add", server[0], "netns", self.server.name, *queues, "type", "veth",
                        "peer", "name", client[0], "netns", self.client.name, *queues], check=True)
        for namespace, (interface, v4, v6) in ((self.server, server), (self.client, client)):
            namespace.ip("addr", "add", f"{v4}/24", "dev", interface)
            # Without nodad the address is tentative for a second, and nothing answers on it.
            namespace.ip("addr", "add", f"{v6}/64", "dev", interface, "nodad")
            namespace.ip("link", "set", interface, "up")

    def certify(self, days=90):
        """A certificate of its own, which the clients trust, for the addresses and a name."""
        self.certificate, self.key = self.home / "cert.pem", self.home / "key.pem"
        names = f"subjectAltName={','.join('IP:' + a for a in self.addresses)},DNS:{SERVER_NAME}"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj",
                        f"/CN={SERVER_NAME}", "-addext", names, "-addext",
                        "basicConstraints=critical,CA:FALSE", "-keyout", self.key, "-out",
                        self.certificate], check=True, stderr=subprocess.DEVNULL)
        self.key.chmod(0o600)

    def configure(self, rotate="24h", keep=3, crypto=CRYPTO, deadline="5s", threads=1,
                  max_connections=1000, ntp_server="", source="fixed", ports=None, extra="",
                  cores=None, idle="poll", kernel_path=True):
        """Writes the configuration; noonmarkd reads it at its next start. `ports` and `extra` are
        lines of YAML as they stand. kernel_path: False where a test must know that it is the
        XDP program that took a request."""
        cores = cores or [max(os.sched_getaffinity(0))]
        ports = ports or f"    - interface: {SERVER_IF}\n"
        self.configuration.write_text(f"""\
dataplane:
  cores: {cores}
  idle: {idle}
  crypto: {crypto}
  kernel_path: {str(kernel_path).lower()}
  user: "{DATAPLANE_USER}"
  ports:
{ports}control:
  listen: ["0.0.0.0:{KE_PORT}", "[::]:{KE_PORT}"]
  certificates:
    - {{chain: {self.certificate}, key: {self.key}}}
  threads: {threads}
  user: "{CONTROL_USER}"
  ntp_server: "{ntp_server}"
  deadline: {deadline}
  max_connections: {max_connections}
  socket: {self.control_socket}
keys:
  file: {self.keys_file}
  rotate: {rotate}
  keep: {keep}
time:
  source: {source}
  stratum: 1
  reference_id: TEST
{extra}""")

    @property
    def control_socket(self):
        return self.runtime / "control.sock"

    @property
    def keys_file(self):
        # Control's user must be able to reach it, wherever the checkout is.
        return self.runtime / "keys" / "keys"

    def memif_directory(self):
        """Where the dataplane, and no other user, may make its sockets."""
        made = self.runtime / "memif"
        made.mkdir(mode=0o755, exist_ok=True)
        os.chown(made, *map(int, DATAPLANE_USER.split(":")))
        return made

    def directory(self, name):
        made = self.home / name
        made.mkdir(mode=0o700, exist_ok=True)
        return made

    # noonmarkd

    def start(self, wait=True, timeout=20, prefix=()):
        """Starts noonmarkd, and waits until it answers NTP and KE unless told not to. prefix: a
        command that runs it."""
        self.noonmarkd = self._launch(prefix)
        self.programs.append(self.noonmarkd)
        if wait and not self.wait_serving(timeout):
            raise RuntimeError(f"noonmarkd does not serve after {timeout} s\n{self.server_tail()}")
        # By the kernel's path there are replies before the ports are open.
        if wait and not wait_for(self.is_serving, timeout):
            raise RuntimeError(f"no port is open after {timeout} s\n{self.server_tail()}")
        # Once a world: some tests count the moments from a start.
        if wait and not self.ran_forced:
            self.ran_forced = wait_for(self.runs_forced, timeout)
            if not self.ran_forced:
                raise RuntimeError(f"noonmarkd does not run {CRYPTO}\n{self.server_tail()}")
        return self.noonmarkd

    def _launch(self, prefix):
        return Program("noonmarkd", self.server.command(
            *prefix, self.binary, "-c", self.configuration), self.home / "noonmarkd.log")

    def is_serving(self):
        status = self.status()
        return status is not None and status["dataplane"]["serving"]

    def runs_forced(self):
        status = self.status()
        return status is not None and status["dataplane"]["crypto"] == CRYPTO

    def stop(self, number=signal.SIGTERM):
        """Ends noonmarkd. Its exit status; None if it had to be killed."""
        program, self.noonmarkd = self.noonmarkd, None
        self.programs.remove(program)
        return program.stop(number)

    def wait_serving(self, timeout=20):
        end = time.monotonic() + timeout
        return wait_for(lambda: self.gave_up() or self.answers_ntp(), timeout) and \
            not self.gave_up() and \
            wait_for(self.answers_ke, max(0.1, end - time.monotonic())) is not None

    def gave_up(self):
        return self.noonmarkd is None or not self.noonmarkd.alive()

    def answers_ntp(self, address=SERVER_V4, timeout=0.1):
        return self.sntp(address, timeout=timeout) is not None

    def answers_ke(self, address=SERVER_V4):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.client.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(0.5)
            return s.connect_ex((address, KE_PORT)) == 0

    def server_tail(self, lines=30):
        return self.noonmarkd.tail(lines) if self.noonmarkd else "noonmarkd does not run"

    def children(self):
        """{"dataplane": pid, "ke": pid, "control": pid} of those that live."""
        pid = self.noonmarkd.pid
        found = {}
        try:
            listed = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return found
        for child in map(int, listed):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                name = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0]
                if name.startswith(b"noonmarkd: "):
                    found[name[11:].decode()] = child
        return found

    def stamps_void(self):
        """The stamps' line is void a second after its last reading. Whether that may have been, because
        the dataplane's housekeeping, its first thread, had to wait for a CPU so long."""
        pid = self.children()["dataplane"]
        try:
            waited_ns = int(pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1])
        except FileNotFoundError:  # the kernel does not tell
            waited_ns = 0
        return waited_ns / 1e9 >= 0.5

    def all_stamped(self, index=0):
        """Whether each frame of a port had a stamp that was believed, but for those that came while the
        stamps' line was void."""
        status = wait_for(lambda: (s := self.status()) and s["ports"][index]["stamped"] > 0 and s, 3)
        refused = status and status["counters"]["stamps_refused"]
        return status and status["ports"][index]["unstamped"] == 0 and (
            refused == 0 or self.stamps_void() and refused < status["ports"][index]["stamped"] / 2)

    def status(self):
        """`noonmarkctl status --json`, read; None while control does not answer."""
        got = subprocess.run([BUILD / "noonmarkctl", "status", "--json", "--socket",
                              self.control_socket], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        return json.loads(got.stdout) if got.returncode == 0 else None

    def status_text(self):
        return subprocess.run([BUILD / "noonmarkctl", "status", "--socket", self.control_socket],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def xdp_attached(self):
        got = self.server.run("ip", "-j", "link", "show", "dev", SERVER_IF,
                              stdout=subprocess.PIPE).stdout
        return "xdp" in json.loads(got)[0]

    # clients

    def chronyd(self, name="chronyd", address=SERVER_V4, **options):
        client = Chronyd(self, name, address, **options)
        self.programs.append(client)
        return client

    def ntpd(self, name="ntpd", address=SERVER_V4, **options):
        client = Ntpd(self, name, address, **options)
        self.programs.append(client)
        return client

    def openntpd(self, name="openntpd", addresses=(SERVER_V4,)):
        client = Openntpd(self, name, addresses)
        self.programs.append(client)
        return client

    def ntpd_rs(self, name="ntpd-rs", address=SERVER_V4):
        client = NtpdRs(self, name, address)
        self.programs.append(client)
        return client

    def sntp(self, address=SERVER_V4, version=4, mode=3, timeout=0.5, trailer=b"", port=NTP_PORT,
             xmt=None):
        """One request from a new socket; the reply's octets or None. xmt: the transmit timestamp,
        random unless given."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        xmt = xmt or os.urandom(8)
        request = struct.pack(">B39x", version << 3 | mode) + xmt + trailer
        with self.client.socket(family) as s:
            s.settimeout(timeout)
            try:
                s.connect((address, port))
                s.send(request)
                return s.recv(2048)
            except OSError:
                return None

    def lose(self, percent):
        """From now on drops that share of the packets that arrive at the client's interface; 0: none."""
        self.client.run("nft", "flush", "ruleset")
        if percent:
            self.client.run("nft", "add", "table", "inet", "loss")
            self.client.run("nft", "add", "chain", "inet", "loss", "arriving",
                            "{ type filter hook input priority 0; }")
            self.client.run("nft", "add", "rule", "inet", "loss", "arriving", "iifname", CLIENT_IF,
                            "meta", "l4proto", "{ tcp, udp }", "numgen", "random", "mod", "100",
                            "<", percent, "drop")


def need_clients(*names):
    """Ends the test as skipped when a client has not been unpacked (./check does it)."""
    for name in names:
        if not (CLIENTS / name / ".complete").exists():
            print(f"1..0 # SKIP {name} is not unpacked in {CLIENTS}: run ./check or ./quickstart")
            sys.exit(0)
