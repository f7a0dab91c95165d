"""A world whose server is in a guest. noonmarkd runs in the guest; the clients run in a namespace that has a
tap interface for each network device of the guest.

    with Tap() as tap, GuestWorld("guest", [Device("igb")]) as world:
        world.start()
        client = world.chronyd(address=wire(0)[0][0])

The guest's interface serveN and the namespace's askN are the ends of wire N. In the guest the configuration,
the certificate and its key have the same paths as here."""

import collections
import json
import pathlib
import shutil
import signal
import subprocess

from guest import CPUS, Guest, module_tree, unpacked_program
from harness import BUILD, Namespace, World, wait_for
from initramfs import Archive, add_modules

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = ("ptp_clock", "send_stamps")
MODULES = ("igb", "virtio_net", "macvlan", "xsk_diag")
DPDK_DRIVERS = ("librte_net_af_xdp", "librte_bus_vdev", "librte_mempool_ring")  # loaded by name
LOG, PID, STATUS = "/run/noonmarkd.log", "/run/noonmarkd.pid", "/run/noonmarkd.status"

# model: QEMU's name. queues: set to so many, if given. macvlan: a macvlan on the device is served.
Device = collections.namedtuple("Device", "model queues macvlan", defaults=(None, False))


def wire(n):
    """((the server's IPv4, IPv6 address), (the client's))."""
    return tuple((f"10.123.{n}.{end}", f"fd6e:6d:0:{n}::{end}") for end in (1, 2))


def dpdk_drivers():
    """The files of DPDK's drivers, which are beside its libraries."""
    listed = subprocess.run(["ldd", BUILD / "noonmarkd"], stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    eal = next((word for word in listed.split() if "/librte_eal." in word), None)
    return [path for name in DPDK_DRIVERS if eal
            for path in pathlib.Path(eal).resolve().parent.glob(f"dpdk/pmds-*/{name}.so*")]


class GuestProgram:
    """noonmarkd in the guest, with the calls of a Program."""

    def __init__(self, guest, command):
        self.guest = guest
        guest.must(f"rm -f {STATUS}\n"
                   f"(sh -c 'echo $$ >{PID}; exec {command}' >{LOG} 2>&1; echo $? >{STATUS}) &")

    def alive(self):
        return self.guest.program.alive() and self.guest.run(f"[ ! -e {STATUS} ]")[0] == 0

    def send(self, number):
        self.guest.run(f"kill -{int(number)} $(cat {PID})")

    def stop(self, number=signal.SIGTERM, timeout=30):
        if not self.guest.program.alive():
            return None
        self.send(number)
        if not wait_for(lambda: not self.alive(), timeout):
            self.send(signal.SIGKILL)
            return None
        return int(self.guest.must(f"cat {STATUS}"))

    def tail(self, lines=30):
        if not self.guest.program.alive():
            return self.guest.tail()
        return f"--- noonmarkd in the guest\n{self.guest.run(f'tail -n {lines} {LOG}')[1]}"


class GuestWorld(World):
    def __init__(self, name, devices, programs=()):
        """devices: serve0 first. programs: more of this machine's that the guest is to have in /bin."""
        super().__init__(name)
        self.devices = devices
        self.guest_programs = programs
        self.ran_forced = True  # the guest's CPU cannot run each variant
        self.addresses = [address for n in range(len(devices)) for address in wire(n)[0]]
        self.guest = None

    def __enter__(self):
        super().__enter__()
        try:
            self.guest = Guest(self.home, self.runtime, self.client, self._archive(),
                               [(device.model, f"ask{n}") for n, device in enumerate(self.devices)])
            self._link_guest()
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        if self.guest:
            self.guest.close()
        super().close()

    def configure(self, serve=(0,), **settings):
        """serve: the wires whose interfaces are served. The guest's other CPU is for all else."""
        self.serve = serve
        ports = "".join(f"    - interface: {self.interface(n)}\n" for n in serve)
        super().configure(**{"crypto": "auto", "cores": [CPUS - 1], "ports": ports, "kernel_path": False, **settings})

    def interface(self, n):
        """The one that is served."""
        return f"over{n}" if self.devices[n].macvlan else f"serve{n}"

    def _wire(self):
        self.client = Namespace(f"nm-{self.runtime.name[3:]}")
        self.namespaces.append(self.client)
        self.client.ip("link", "set", "lo", "up")
        for n in range(len(self.devices)):
            _, (v4, v6) = wire(n)
            self.client.ip("tuntap", "add", f"ask{n}", "mode", "tap")
            self.client.ip("addr", "add", f"{v4}/24", "dev", f"ask{n}")
            self.client.ip("addr", "add", f"{v6}/64", "dev", f"ask{n}", "nodad")
            self.client.ip("link", "set", f"ask{n}", "up")

    def _archive(self):
        archive = Archive()
        for path in ("dev", "proc", "sys", "run", "tmp"):
            archive.directory(path)
        archive.file(HERE / "init", "init")
        for program in ("ip", "ss"):  # iproute2's know XDP, busybox's do not
            archive.program(shutil.which(program), f"bin/{program}")
        archive.program(unpacked_program("ethtool"), "bin/ethtool")
        busybox = unpacked_program("busybox")
        archive.file(busybox, "bin/busybox")
        for name in subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True,
                                   check=True).stdout.split():
            archive.link(f"bin/{name}", "busybox")
        for program in ("noonmarkd", "noonmarkctl", *(f"tests/qemu/{tool}" for tool in TOOLS)):
            archive.program(BUILD / program, f"bin/{pathlib.PurePath(program).name}")
        for program in self.guest_programs:
            archive.program(program, f"bin/{pathlib.PurePath(program).name}")
        for driver in dpdk_drivers():
            archive.program(driver)
        archive.add("etc/passwd", b"root:x:0:0::/:/bin/sh\n")
        archive.add("etc/group", b"root:x:0:\n")
        add_modules(archive, module_tree(), MODULES)
        archive.file(self.certificate)
        archive.file(self.key)
        return archive

    def _link_guest(self):
        lines = []
        for n, device in enumerate(self.devices):
            if device.queues:
                lines.append(f"ethtool -L serve{n} combined {device.queues}")
            lines.append(f"/bin/ip link set serve{n} up")
            if device.macvlan:
                lines.append(f"/bin/ip link add link serve{n} name over{n} type macvlan mode bridge")
        self.guest.must("set -e\n" + "\n".join(lines))
        for n in range(len(self.devices)):
            self.address(n)
        self.wait_links()

    def address(self, n):
        """Gives the guest's end of wire n its addresses, and sets it up."""
        serve, ((v4, v6), _) = self.interface(n), wire(n)
        self.guest.must(f"/bin/ip addr replace {v4}/24 dev {serve} &&\n"
                        f"/bin/ip addr replace {v6}/64 dev {serve} nodad &&\n"
                        f"/bin/ip link set {serve} up")

    def wait_links(self, timeout=60):
        """The devices need a moment to find their link."""
        carriers = " ".join(f"/sys/class/net/{self.interface(n)}/carrier" for n in range(len(self.devices)))
        if not wait_for(lambda: set(self.guest.run(f"cat {carriers}")[1].split()) == {"1"}, timeout, 0.2):
            raise RuntimeError(f"no link\n{self.guest.run('ip link')[1]}\n{self.guest.tail()}")

    # noonmarkd

    def answers_ntp(self, address=None, timeout=0.5):
        return super().answers_ntp(address or wire(self.serve[0])[0][0], timeout)

    def answers_ke(self, address=None):
        return super().answers_ke(address or wire(self.serve[0])[0][0])

    def _launch(self, prefix):
        self.guest.must(f"mkdir -p {self.runtime}")
        self.guest.put(self.configuration)
        command = (*prefix, "noonmarkd", "-c", self.configuration)
        return GuestProgram(self.guest, " ".join(map(str, command)))

    def log(self):
        return self.guest.must(f"cat {LOG}")

    def status(self):
        code, text = self.guest.run(f"noonmarkctl status --json --socket {self.control_socket}")
        return json.loads(text) if code == 0 else None

    def status_text(self):
        return self.guest.run(f"noonmarkctl status --socket {self.control_socket}")[1]
