"""What of the packages can be known without building them. Prints TAP."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Every build of Debian has them, and lintian refuses their names.
ESSENTIAL = {"gcc", "libc6-dev", "linux-libc-dev", "build-essential", "dpkg-dev"}
number = failed = 0


def equal(got, wanted, text):
    global number, failed
    number += 1
    failed += got != wanted
    print(f"{'ok' if got == wanted else 'not ok'} {number} - {text}")
    if got != wanted:
        print(f"# got {got!r}")
        print(f"# wanted {wanted!r}")


def section(*names):
    found, current = set(), None
    for line in (ROOT / "scripts/packages").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            current = line.strip("[]")
        elif line and current in names:
            found.add(line)
    return found


def build_depends():
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)", (ROOT / "debian/control").read_text(), re.M).group(1)
    names = {re.sub(r":any|\(.*\)", "", name).strip() for name in field.split(",")}
    # Two are parts of debhelper.
    return {"debhelper" if name in ("debhelper-compat", "dh-sequence-installsysusers") else name for name in names}


def unit_values(key):
    unit = (ROOT / "etc/systemd/noonmarkd.service.in").read_text()
    return set(" ".join(re.findall(rf"^{key}=(.*)$", unit, re.M)).split())


def start_rights():
    """The capabilities in supervisor/start.h, all of which the supervisor may keep."""
    return set(re.findall(r"CAPABILITY\((CAP_\w+)\)", (ROOT / "supervisor/start.h").read_text()))


def profile_capabilities():
    text = (ROOT / "etc/apparmor/usr.sbin.noonmarkd").read_text()
    return {"CAP_" + name.upper() for name in re.findall(r"^ *capability (\w+),", text, re.M)}


# What a container with sockets as ports does without: rights for interfaces, and to raise a limit that Containerfile gives.
NOT_IN_A_CONTAINER = {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF", "CAP_SYS_RESOURCE"}


def container_capabilities():
    text = re.search(r"--cap-add=([\w,]+)", (ROOT / "Containerfile").read_text()).group(1)
    return {"CAP_" + name for name in text.split(",")}


def not_installed():
    """Files of etc/ that etc/meson.build does not name. What meson installs, debhelper wants in a package (dh_missing)."""
    told = (ROOT / "etc/meson.build").read_text()
    files = (p.relative_to(ROOT / "etc") for p in (ROOT / "etc").rglob("*") if p.is_file())
    # The profile is of Debian's packages alone, which load it.
    return {str(f) for f in files if f"'{f}'" not in told and f.name not in ("meson.build", "usr.sbin.noonmarkd")}


def linked_in_readme():
    """Pages of this tree that README.md links to, other than docs/ and what only a checkout has."""
    links = re.findall(r"\]\(([\w./-]+\.md)[)#]", (ROOT / "README.md").read_text())
    return {link for link in links if "/" not in link} - {"ARCHITECTURE.md", "CONTRIBUTING.md"}


def version():
    return re.search(r"^  version: '(.*)',$", (ROOT / "meson.build").read_text(), re.M).group(1)


def manual_versions():
    return {page.name: re.search(r'^\.TH .*"noonmark (\S+)"', page.read_text()).group(1)
            for page in (ROOT / "man").glob("*.[0-9]")}


def verify_unit():
    """systemd's own reading of the unit, where it is here. What the unit names must exist: it is put into a tree."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        unit = root / "etc/systemd/system/noonmarkd.service"
        unit.parent.mkdir(parents=True)
        text = (ROOT / "etc/systemd/noonmarkd.service.in").read_text()
        unit.write_text(text.replace("@sbindir@", "/usr/sbin").replace("@bindir@", "/usr/bin"))
        for program in ("usr/sbin/noonmarkd", "usr/bin/noonmarkctl"):
            (root / program).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy("/bin/true", root / program)
        got = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}", "noonmarkd.service"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # The tree has no other units.
        said = [line for line in got.stdout.splitlines() if "noonmarkd" in line and "not found" not in line]
        return said


def verify_examples():
    """The same of the units that reload for a changed certificate."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        (root / "etc/systemd/system").mkdir(parents=True)
        (root / "usr/bin").mkdir(parents=True)
        shutil.copy("/bin/true", root / "usr/bin/noonmarkctl")
        names = [f"noonmark-certificates.{kind}" for kind in ("path", "service")]
        for name in names:
            shutil.copy(ROOT / "etc/certificates" / name, root / "etc/systemd/system")
        got = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}", *names],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return [line for line in got.stdout.splitlines() if "noonmark-cert" in line and "not found" not in line]


def refused(program, *options):
    """What systemd's program says of its file, in an empty tree; a dry run as far as it knows one."""
    name = program.removeprefix("systemd-")
    with tempfile.TemporaryDirectory() as root:
        (pathlib.Path(root) / "etc").mkdir()
        for table in ("passwd", "group"):
            (pathlib.Path(root) / "etc" / table).write_text("")
        got = subprocess.run([program, f"--root={root}", *options, ROOT / f"etc/systemd/noonmark-{name}.conf"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return [line for line in got.stderr.splitlines() if "noonmark-" + name in line]


def kept_at_most():
    """KEPT_MAX of supervisor/kept_sockets.h, and the file beside them."""
    bounds = dict(re.findall(r"^ +(\w+) = (\d+),", (ROOT / "base/bounds.h").read_text(), re.M))
    return int(bounds["LISTENERS_MAX"]) + 1 + int(bounds["SOCKETS_MAX"]) + 1


print("TAP version 13")
equal(build_depends(), {n for n in section("build", "package") if n not in ESSENTIAL},
      "debian/control's Build-Depends are the sections build and package of scripts/packages")
equal(unit_values("CapabilityBoundingSet"), start_rights() | {"CAP_CHOWN"},
      "the unit's CapabilityBoundingSet has START_RIGHTS, and CAP_CHOWN for the start")
equal(profile_capabilities(), unit_values("CapabilityBoundingSet"), "the AppArmor profile has the same")
equal(kept_at_most() <= int(unit_values("FileDescriptorStoreMax").pop()), True, "FileDescriptorStoreMax has room for all that is kept")
equal(container_capabilities(), unit_values("CapabilityBoundingSet") - NOT_IN_A_CONTAINER, "Containerfile has those that sockets need")
equal(not_installed(), set(), "meson installs each file of etc/")
equal(linked_in_readme() - set((ROOT / "debian/noonmark.docs").read_text().split()), set(), "the package has the pages that README.md links to")
equal({v for v in manual_versions().values()}, {version()}, "the manuals name the version of meson.build")
equal({p.name for p in (ROOT / "man").glob("*.[0-9]")}, set(re.findall(r"'([\w.-]+\.[0-9])'", (ROOT / "man/meson.build").read_text())),
      "meson installs every manual")
if shutil.which("systemd-analyze"):
    equal(verify_unit(), [], "systemd finds no fault in the unit")
    equal(verify_examples(), [], "nor in those for certificates, examples")
if shutil.which("systemd-sysusers"):
    equal(refused("systemd-sysusers"), [], "systemd-sysusers takes its file")
if shutil.which("systemd-tmpfiles"):
    equal(refused("systemd-tmpfiles", "--create", "--prefix=/nowhere"), [], "systemd-tmpfiles takes its file")
print(f"1..{number}")
sys.exit(failed > 0)
