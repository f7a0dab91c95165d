"""What a local user without rights does to a server: local_user_test.py runs this text as that user
and in the server's namespaces. Prints {attempt: what came of it} as JSON.

    hold NAME...             takes abstract names and fills their queues, until its input ends
    port                     takes TCP 4460, until its input ends
    idle N                   opens N connections to NTS-KE on loopback and says nothing, likewise
    processes PID...         signals, looks into and changes processes
    network INTERFACE ID     detaches the program ID, opens sockets, changes the interface
    files DIRECTORY SOCKET   makes, replaces and locks files
    tmp                      makes what DPDK would use where everybody may write
    roles NOONMARKD CONFIG   starts a second server, and a child of one by hand
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
BPF, PIDFD_OPEN, PIDFD_GETFD, PIDFD_SEND_SIGNAL = 321, 434, 438, 424  # x86_64
AF_XDP, CLONE_NEWUSER = 44, 0x10000000
done = {}


def attempt(name, what):
    """Notes "done", or the name of the error that stopped it."""
    try:
        got = what()
        done[name] = "done" if got is None else got
    except OSError as e:
        done[name] = errno.errorcode[e.errno]


def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def say():
    print(json.dumps(done), flush=True)


def until_told():
    say()
    sys.stdin.read()


def hold(*names):
    held = []
    for name in names:
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
            s = socket.socket(socket.AF_UNIX, kind)
            attempt(f"{name} {kind.name}", lambda: s.bind("\0" + name))
            held.append(s)
            if kind == socket.SOCK_DGRAM:
                continue
            s.listen(0)
            try:
                for _ in range(8):
                    c = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
                    held.append(c)
                    c.connect("\0" + name)
            except BlockingIOError:
                pass  # the queue is full
    until_told()


def port():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    attempt("bind TCP 4460", lambda: (s.bind(("0.0.0.0", 4460)), s.listen())[1])
    until_told()


def idle(n):
    held = []
    for _ in range(int(n)):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", 4460))
        held.append(s)
    time.sleep(0.3)
    done["connected"] = sum(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 for s in held)
    until_told()


def processes(*pids):
    class Iovec(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]

    for pid in map(int, pids):
        for number in (0, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGHUP, signal.SIGUSR1,
                       signal.SIGRTMIN):
            attempt(f"{pid}: signal {int(number)}", lambda: os.kill(pid, number))
        pidfd = libc.syscall(PIDFD_OPEN, pid, 0)  # that much everybody may
        attempt(f"{pid}: pidfd_send_signal", lambda: call(PIDFD_SEND_SIGNAL, pidfd, 9, None, 0))
        attempt(f"{pid}: pidfd_getfd", lambda: call(PIDFD_GETFD, pidfd, 3, 0))
        for name, request in (("attach", 16), ("seize", 0x4206)):
            attempt(f"{pid}: ptrace {name}", lambda: check(libc.ptrace(request, pid, 0, 0)))
        octet = ctypes.create_string_buffer(8)
        local = Iovec(ctypes.addressof(octet), 8)
        far = Iovec(0x400000, 8)
        for name in ("process_vm_readv", "process_vm_writev"):
            attempt(f"{pid}: {name}", lambda: check(getattr(libc, name)(
                pid, ctypes.byref(local), 1, ctypes.byref(far), 1, 0)))
        for name in ("mem", "environ", "maps", "smaps", "auxv", "stack", "syscall", "fd/3", "fd/5", "fd/8",
                     "fd/10", "fdinfo/3", "map_files"):
            attempt(f"{pid}: open {name}", lambda: os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY)))
        for name in ("fd", "map_files"):
            attempt(f"{pid}: list {name}", lambda: len(os.listdir(f"/proc/{pid}/{name}")))
        for name in ("exe", "cwd", "root", "fd/3", "ns/net"):
            attempt(f"{pid}: follow {name}", lambda: os.readlink(f"/proc/{pid}/{name}"))
        attempt(f"{pid}: write mem", lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)))
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        attempt(f"{pid}: netlink", lambda: netlink.sendto(bytes(64), (pid, 0)))
        attempt(f"{pid}: oom_score_adj", lambda: os.close(os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY)))
        attempt(f"{pid}: nice", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
        attempt(f"{pid}: affinity", lambda: os.sched_setaffinity(pid, {0}))
        attempt(f"{pid}: scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
        attempt(f"{pid}: limits", lambda: check(libc.prlimit(
            pid, 7, (ctypes.c_uint64 * 2)(0, 0), None)))
    say()


def bpf(command, *words):
    """words: of 32 bits, the beginning of union bpf_attr."""
    attributes = ctypes.create_string_buffer(struct.pack(f"{len(words)}I", *words).ljust(128, b"\0"))
    call(BPF, command, attributes, len(attributes.raw))


def load_program():
    """An XDP program that passes all."""
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0))
    name = ctypes.create_string_buffer(b"GPL")
    words = struct.unpack("4I", struct.pack("QQ", ctypes.addressof(code), ctypes.addressof(name)))
    bpf(5, 6, 2, *words)


def run(*command):
    got = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True)
    return "done" if got.returncode == 0 else got.stdout.strip().splitlines()[-1]


def change_interface(interface, prefix=""):
    for name, words in (("xdp off", ("link", "set", "dev", interface, "xdp", "off")),
                        ("xdpgeneric off", ("link", "set", "dev", interface, "xdpgeneric", "off")),
                        ("down", ("link", "set", "dev", interface, "down")),
                        ("mtu", ("link", "set", "dev", interface, "mtu", "9000")),
                        ("rename", ("link", "set", "dev", interface, "name", "other0")),
                        ("delete", ("link", "del", "dev", interface)),
                        ("address", ("addr", "add", "10.123.0.200/24", "dev", interface)),
                        ("no address", ("addr", "flush", "dev", interface)),
                        ("neighbour", ("neigh", "add", "10.123.0.2", "lladdr", "2:0:0:0:0:9", "dev",
                                       interface))):
        attempt(f"{prefix}{name}", lambda: run("ip", *words))
    attempt(f"{prefix}AF_XDP", lambda: socket.socket(AF_XDP, socket.SOCK_RAW).close())
    attempt(f"{prefix}AF_PACKET", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())


def network(interface, program):
    change_interface(interface)
    for name, command in (("PROG_GET_NEXT_ID", 11), ("PROG_GET_FD_BY_ID", 13), ("MAP_GET_NEXT_ID", 12),
                          ("MAP_GET_FD_BY_ID", 14)):
        attempt(f"bpf {name}", lambda: bpf(command, int(program)))
    attempt("bpf PROG_LOAD", load_program)
    for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind, number in ((socket.SOCK_DGRAM, 123), (socket.SOCK_STREAM, 4460)):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            for address in (any_address, "127.0.0.1" if family == socket.AF_INET else "::1"):
                attempt(f"bind {kind.name} {address} {number}",
                        lambda: (s.bind((address, number)), kind == socket.SOCK_STREAM and s.listen())[0])
    # With all rights in a user namespace of its own, but in the server's network.
    if libc.unshare(CLONE_NEWUSER) == 0:
        change_interface(interface, "as root of a user namespace: ")
        attempt("as root of a user namespace: bpf", lambda: bpf(13, int(program)))
    say()


def files(directory, control):
    for where in (directory, os.path.join(directory, "keys"), os.path.join(directory, "memif"),
                  "/run/noonmark", "/run/noonmark/interfaces", "/run"):
        new = os.path.join(where, "squatted")
        attempt(f"{where}: file", lambda: os.close(os.open(new, os.O_CREAT | os.O_WRONLY)))
        attempt(f"{where}: directory", lambda: os.mkdir(new))
        attempt(f"{where}: link", lambda: os.symlink("/etc/passwd", new))
        attempt(f"{where}: socket", lambda: socket.socket(socket.AF_UNIX).bind(new))
        attempt(f"{where}: rename", lambda: os.rename(where, where + ".old"))
    for where in ("/run/noonmark/interfaces", os.path.join(directory, "keys")):
        attempt(f"{where}: list", lambda: len(os.listdir(where)))
        attempt(f"{where}: lock", lambda: fcntl.flock(os.open(where, os.O_RDONLY), fcntl.LOCK_EX))
    attempt("control.socket: remove", lambda: os.unlink(control))
    attempt("control.socket: move away", lambda: os.rename(control, control + ".old"))
    attempt("control.socket: chmod", lambda: os.chmod(control, 0o777))
    for i in range(32):  # its queue has room for half as many
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        attempt(f"control.socket: connect {i}", lambda: s.connect(control))
    say()


def tmp():
    attempt("/tmp/dpdk", lambda: os.mkdir("/tmp/dpdk"))
    attempt("/tmp/dpdk/noonmark", lambda: os.symlink("/etc", "/tmp/dpdk/noonmark"))
    for name in ("noonmark", "noonmarkd", "memif.sock", "dpdk.lock", "control.sock"):
        attempt(f"/tmp/{name}", lambda: os.symlink("/etc/passwd", f"/tmp/{name}"))
    for name in ("/run/dpdk-noonmark", "/run/dpdk/noonmark", "/run/noonmark/memif"):
        attempt(name, lambda: os.mkdir(name))
    say()


def roles(noonmarkd, config):
    def start(argv0, fds=()):
        got = subprocess.run([argv0, "-c", config], executable=noonmarkd, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, pass_fds=fds)
        return f"{got.returncode}: {got.stdout.strip()}"

    attempt("noonmarkd", lambda: start("noonmarkd"))
    for role in ("control", "ke", "dataplane"):
        attempt(role, lambda: start(f"noonmarkd: {role}"))
    say()


globals()[sys.argv[1]](*sys.argv[2:])
