"""scripts/ahead.sh builds with a priority below all else, in the order that it is told, and when it is stopped
nothing of it is left and the build goes on."""

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULE = """\
rule run
  command = {command}
build first: run
build last: run first
"""

AHEAD = """\
. scripts/common.sh
. scripts/ahead.sh
cd "$1"
mkdir -p build/check
chrt() # what it is asked for, without doing it: on a busy machine the test would take minutes
{
    echo "$1 $2" >asked
    shift 2
    "$@"
}
build_ahead quick endless never
until [ -e endless/began ]; do sleep 0.05; done
echo $(cat asked) $(ls quick never)
group=$ahead
build_on
kill -0 -- "-$group" 2>/dev/null || echo "all have ended, ahead is '$ahead'"
sed -i 's/sleep 600/touch $out/' endless/build.ninja
ninja -C endless >/dev/null && ls endless/last
build_on && build_ahead && echo "nothing to do: '$ahead'"
"""

with tempfile.TemporaryDirectory() as folder:
    for name, command in ("quick", "touch $out"), ("endless", "touch began && sleep 600"), ("never", "touch $out"):
        (pathlib.Path(folder) / name).mkdir()
        (pathlib.Path(folder) / name / "build.ninja").write_text(RULE.format(command=command))
    got = subprocess.run(["bash", "-u", "-o", "pipefail", "-c", AHEAD, "check", folder], cwd=ROOT, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=100)
WANTED = ["--idle 0 never: build.ninja quick: build.ninja first last", "all have ended, ahead is ''", "endless/last",
          "nothing to do: ''"]
right = got.stdout.splitlines() == WANTED
print(f"TAP version 13\n1..1\n{'ok' if right else 'not ok'} 1 - builds ahead at idle priority, ends when it is told, and "
      "ninja goes on")
for line in () if right else got.stdout.splitlines():
    print(f"# {line}")
sys.exit(not right)
