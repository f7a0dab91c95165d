"""A guest: Debian's newest kernel on a machine that QEMU emulates, with network devices that the test
machines do not have. `./check --only qemu` unpacks both into build/qemu (scripts/guest.sh).

    with Guest(home, runtime, namespace, archive, devices) as guest:
        status, output = guest.run("ip link")

QEMU translates the guest's code; KVM is not used, because few test machines have it. A guest keeps two of
the host's CPUs busy, and is slow: nothing in it can be timed. Its clocks run with the host's."""

import os
import pathlib
import re
import select
import socket
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / room) for room in ("server", "perf")]

from harness import ROOT, Program, wait_for  # noqa: E402

UNPACKED = pathlib.Path(os.environ.get("NOONMARK_QEMU", ROOT / "build" / "qemu"))
BOOT_S = 120
MEMORY_MIB = 768
CPUS = 2
KERNEL_WORDS = "console=ttyS0 loglevel=7 panic=-1 no_timer_check tsc=reliable mitigations=off"


def tsc_khz():
    """Of this machine, which a guest's CPU shows: Linux derives its delay loop from it, and prints twice the
    loop's millions of turns. On a busy machine the guest's own measurement has been wrong by half."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return round(float(re.search(r"^bogomips\s*: ([\d.]+)", text, re.M).group(1)) / 2 * 1000)


def need_guest():
    """Ends the test as skipped where no guest can run."""
    missing = UNPACKED / "missing"
    reason = None
    if missing.exists():
        reason = missing.read_text().strip()
    elif not (UNPACKED / ".complete").exists():
        reason = f"QEMU is not unpacked in {UNPACKED}: run ./check --only qemu"
    elif not os.path.exists("/dev/net/tun"):
        reason = "there is no /dev/net/tun: run modprobe tun"
    if reason:
        print(f"1..0 # SKIP no guest: {reason}")
        sys.exit(0)


def unpacked_program(name):
    return next(p for p in (UNPACKED / "qemu" / d / name for d in ("bin", "sbin", "usr/bin", "usr/sbin"))
                if p.exists())


def module_tree():
    return next(UNPACKED.glob("kernel/**/modules/*/kernel"))


def mac(n):
    """Of the guest's interface serveN: `init` reads the number there."""
    return f"02:00:00:00:00:{n:02x}"


class Guest:
    def __init__(self, home, runtime, namespace, archive, devices):
        """home, runtime: directories for files and for a socket. archive: its file system. devices:
        (QEMU's name of a network device, its tap interface in the namespace), serve0 first."""
        self.console = home / "console.log"
        self.channel = runtime / "guest.sock"
        initramfs = home / "initramfs"
        initramfs.write_bytes(archive.finish())
        top = UNPACKED / "qemu"
        libraries = [top / d / "x86_64-linux-gnu" for d in ("usr/lib", "lib")]
        command = [
            "setpriv", "--pdeathsig", "KILL",  # it ends with the test, however that ends
            "env", "LD_LIBRARY_PATH=" + ":".join(map(str, libraries)), unpacked_program("qemu-system-x86_64"),
            "-L", top / "usr/share/qemu", "-L", top / "usr/share/seabios",
            "-machine", "q35,accel=tcg", "-cpu", "max", "-smp", CPUS, "-m", MEMORY_MIB,
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", next(UNPACKED.glob("kernel/**/vmlinuz*")), "-initrd", initramfs,
            "-append", f"{KERNEL_WORDS} tsc_early_khz={tsc_khz()}",
            "-serial", f"file:{self.console}",
            "-chardev", f"socket,id=channel,path={self.channel},server=on,wait=on",
            "-serial", "chardev:channel"]
        for n, (device, tap) in enumerate(devices):  # each on a bus of its own: igb claims slots for more
            command += ["-netdev", f"tap,id=net{n},ifname={tap},script=no,downscript=no",
                        "-device", f"pcie-root-port,id=port{n},chassis={n}",
                        "-device", f"{device},bus=port{n},netdev=net{n},mac={mac(n)},romfile="]
        self.program = Program("guest", namespace.command(*command), home / "qemu.log")
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Switches it off: nothing in it is kept."""
        self.program.stop()

    def _connect(self):
        """QEMU starts the machine when it is connected to; the first answer says that `init` listens."""
        self.line = socket.socket(socket.AF_UNIX)
        self.pending = b""
        wait_for(lambda: not self.program.alive() or self.line.connect_ex(str(self.channel)) == 0, BOOT_S)
        self._answer(BOOT_S)

    def _read(self, end):
        left = end - time.monotonic()
        ready = left > 0 and select.select([self.line], [], [], left)[0]
        got = self.line.recv(1 << 16) if ready else b""
        if not got:
            raise RuntimeError(f"the guest {'has ended' if ready else 'does not answer'}\n{self.tail()}")
        self.pending += got

    def _answer(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self.pending:
            self._read(end)
        head, self.pending = self.pending.split(b"\n", 1)
        status, length = map(int, head.split())
        while len(self.pending) < length:
            self._read(end)
        output, self.pending = self.pending[:length], self.pending[length:]
        return status, output.decode(errors="replace")

    def run(self, script, timeout=60):
        """Runs the shell script: its exit status, and its output with the errors. Busybox's own commands
        come before /bin's of the same name."""
        octets = script.encode()
        self.line.sendall(b"%d\n" % len(octets) + octets)
        return self._answer(timeout)

    def must(self, script, timeout=60):
        """The output; the script has to succeed."""
        status, output = self.run(script, timeout)
        if status != 0:
            raise RuntimeError(f"in the guest: {script}\nexit status {status}\n{output}\n{self.tail()}")
        return output

    def put(self, path):
        """Writes a text file of this machine to the same path in the guest."""
        path = pathlib.Path(path)
        self.must(f"mkdir -p '{path.parent}'\ncat >'{path}' <<'END-OF-FILE'\n{path.read_text()}\nEND-OF-FILE\n")

    def tail(self):
        text = self.console.read_text(errors="replace").splitlines()[-30:] if self.console.exists() else []
        return "\n".join([self.program.tail(), f"--- console: {self.console}", *text])
