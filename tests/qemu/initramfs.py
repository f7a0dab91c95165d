"""A guest's file system: an archive that its kernel unpacks into memory. It has files of this machine, programs
with the libraries that they need, and kernel modules with those that they need."""

import lzma
import os
import pathlib
import re
import stat
import subprocess

ALIGN = 4


class Archive:
    """A cpio archive in the format `newc`, which the kernel reads. Directories are added as needed."""

    def __init__(self):
        self.octets = bytearray()
        self.names = set()

    def _entry(self, name, mode, octets):
        self.names.add(name)
        fields = (len(self.names), mode, 0, 0, 1, 0, len(octets), 0, 0, 0, 0, len(name) + 1, 0)
        self.octets += b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        self.octets += bytes(-len(self.octets) % ALIGN)
        self.octets += octets + bytes(-len(octets) % ALIGN)

    def directory(self, name):
        name = str(name).strip("/")
        if name and name not in self.names:
            self.directory(pathlib.PurePath(name).parent if "/" in name else "")
            self._entry(name, stat.S_IFDIR | 0o755, b"")

    def add(self, name, octets, mode=0o644):
        name = str(name).strip("/")
        if name not in self.names:
            self.directory(pathlib.PurePath(name).parent if "/" in name else "")
            self._entry(name, stat.S_IFREG | mode, octets)

    def link(self, name, target):
        name = str(name).strip("/")
        if name not in self.names:
            self.directory(pathlib.PurePath(name).parent)
            self._entry(name, stat.S_IFLNK | 0o777, os.fsencode(target))

    def file(self, path, name=None):
        """A file of this machine, under its own path unless a name is given. A link stays a link, so that
        a library that is found in two places is loaded once."""
        path = pathlib.Path(path)
        real = path.resolve()
        self.add(name or real, real.read_bytes(), stat.S_IMODE(real.stat().st_mode))
        if not name and path != real:
            self.link(path, real)

    def program(self, path, name=None):
        """With its libraries, at the places where the loader looks for them."""
        self.file(path, name)
        listed = subprocess.run(["ldd", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            self.file(library)

    def finish(self):
        self._entry("TRAILER!!!", 0, b"")
        return bytes(self.octets)


def module_octets(path):
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def add_modules(archive, tree, wanted):
    """Adds the modules of those names, and /modules/order: what they need comes before them. What is
    not in the tree of modules is built into the kernel."""
    paths = {p.name.split(".")[0].replace("-", "_"): p for p in tree.rglob("*.ko*")}
    order = []

    def add(name):
        name = name.replace("-", "_")
        if name not in paths or name in order:
            return
        octets = module_octets(paths[name])
        needs = re.search(rb"\0depends=([^\0]*)\0", octets)
        for need in needs.group(1).decode().split(",") if needs else ():
            add(need)
        order.append(name)
        archive.add(f"modules/{name}", octets)

    for name in wanted:
        add(name)
    archive.add("modules/order", "".join(name + "\n" for name in order).encode())
