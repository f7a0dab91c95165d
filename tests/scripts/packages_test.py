"""scripts/packages has one list for all releases of Debian: where they differ in a package's name, any of its names
will do. Asks the machine's own dpkg and apt for a package that every Debian has."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HAVE, LACK = "bash", "noonmark-has-no-such-package"

# A command of scripts/common.sh, and what it prints.
CASES = [
    (f"packages_missing {HAVE}", ""),
    (f"packages_missing {LACK}", LACK),
    (f"packages_missing '{LACK}|{HAVE}'", ""),
    (f"packages_missing '{HAVE}|{LACK}'", ""),
    (f"packages_missing '{LACK}|{LACK}-t64'", f"{LACK}|{LACK}-t64"),
    (f"packages_here {HAVE}", HAVE),
    (f"packages_here '{LACK}|{HAVE}'", HAVE),
    (f"packages_here '{HAVE}|{LACK}' {HAVE}", f"{HAVE}\n{HAVE}"),
    (f"packages_here '{LACK}|{LACK}-t64'", LACK),
    ("packages_of run | grep '|' | sed -n 1p", "libgnutls30|libgnutls30t64"),
    ("packages_of build run test clients | grep -c '[^a-z0-9.+|-]' || true", "0"),
]

if subprocess.run(["sh", "-c", "command -v dpkg-query && command -v apt-cache"], stdout=subprocess.DEVNULL).returncode:
    print("1..0 # SKIP there is no dpkg or no apt here")
    sys.exit(0)
bad = 0
for number, (command, wanted) in enumerate(CASES, 1):
    got = subprocess.run(["bash", "-c", f"set -u -o pipefail; . scripts/common.sh; {command}"], cwd=ROOT, stdout=subprocess.PIPE,
                         text=True, check=True).stdout.rstrip("\n")
    bad += got != wanted
    print(f"{'ok' if got == wanted else 'not ok'} {number} - {command}")
    if got != wanted:
        print(f"# got {got!r}, wanted {wanted!r}")
print(f"1..{len(CASES)}")
sys.exit(bad > 0)
