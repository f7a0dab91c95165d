"""ntsperf report from the outside: what it takes, what it writes, and what it says of what it cannot
take. argv[1]: the program, tests/perf/report_main.c."""

import json
import pathlib
import re
import stat
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "server")]
import report_runs  # noqa: E402
from harness import Tap  # noqa: E402

PROGRAM = pathlib.Path(sys.argv[1]).resolve()


class Place:
    def __init__(self, home):
        self.home = pathlib.Path(home)

    def put(self, name, what):
        path = self.home / name
        path.write_text(what if isinstance(what, str) else json.dumps(what))
        return path

    def report(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.home, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def left(self):
        return sorted(p.name for p in self.home.iterdir())


def refuses(tap, place, arguments, status, pattern, text):
    """Ends with the status, says one line, and writes nothing."""
    before = place.left()
    got = place.report(*arguments)
    tap.ok(got.returncode == status and re.fullmatch(pattern + r"\n", got.stderr) and place.left() == before
           and not got.stdout, f"report: {text}",
           f"status {got.returncode}, {got.stderr!r}, {place.left()}, wanted {pattern}")


def test_errors(tap, place):
    good = place.put("good.json", report_runs.run())
    cases = {
        "cut.json": ('{\n "manifest": {\n', r"cut\.json:3: not JSON: .*; was the run stopped .*", "JSON that is cut names its line"),
        "words.json": ("sent 10\n", r"words\.json:1: not JSON: .*", "what is not JSON names its line"),
        "empty.json": ("", r"empty\.json:1: not JSON: .*", "an empty file"),
        "list.json": ("[1, 2]", r"list\.json:1: not a result of ntsperf: it has no manifest; give .*", "JSON of a list"),
        "other.json": ('{"name": "x"}', r"other\.json:1: not a result .*no manifest; .*", "JSON of something else"),
        "bare.json": ('{"manifest": {"mode": "nts"}}', r"bare\.json:1: .*no manifest\.ntsperf; .*", "a manifest of something else"),
        "odd.json": ('{"manifest": {"ntsperf": "1", "mode": "nts"}, "steps": {}}', r"odd\.json:1: .*its steps is no array; .*",
                     "steps that are no list"),
    }
    for name, (text, pattern, said) in cases.items():
        place.put(name, text)
        refuses(tap, place, [name], 1, pattern, said)
    refuses(tap, place, ["none.json"], 1, r"none\.json: No such file or directory; give .*", "a missing file")
    refuses(tap, place, ["."], 1, r"\.: Is a directory; give .*", "a directory as a run")
    refuses(tap, place, [good, "none.json", "list.json"], 1, r"none\.json: .*\nlist\.json:1: .*", "every bad file is named")
    refuses(tap, place, [good, "-o", "no/where.html"], 1, r"no/where\.html: No such file or directory; make its directory first",
            "a missing directory of the output")
    refuses(tap, place, [good, "-o", "."], 1, r"\.: Is a directory; name a file in it", "a directory as the output")
    refuses(tap, place, [good, "-o", "/dev/null"], 1, r"/dev/null: .*no plain file.*", "a device is not replaced")
    tap.ok(stat.S_ISCHR(pathlib.Path("/dev/null").stat().st_mode), "report: /dev/null is still a device")
    for arguments, said in (([], "no run"), (["--wrong"], "an unknown option"), ([good, "-o"], "an option without its value"),
                            ([good, "-o", good], "a run as the output")):
        refuses(tap, place, arguments, 2, r"ntsperf report: .*; ntsperf report --help says how", f"usage: {said}")


def test_page(tap, place):
    good = place.put("good.json", report_runs.run())
    got = place.report("--help")
    tap.ok(got.returncode == 0 and got.stdout.startswith("usage: ntsperf report"), "report: --help", got)
    got = place.report(good)
    page = place.home / "report.html"
    tap.ok(got.returncode == 0 and page.exists() and not got.stderr, "report: report.html is the default", got.stderr)
    tap.equal(got.stdout, "wrote report.html, a page of 1 run\n", "report: it tells which file it wrote")
    tap.equal(stat.S_IMODE(page.stat().st_mode) & 0o600, 0o600, "report: its owner can read it")
    page.write_text("an old page")
    place.report(good)
    text = page.read_text()
    tap.ok("an old page" not in text, "report: an old page is replaced")
    tap.equal([n for n in place.left() if n.startswith("report.html")], ["report.html"], "report: nothing is left beside it")
    tap.equal(place.report(good, "-o", "-").stdout, text, "report: -o - writes the same to stdout")

    tap.ok("default-src 'none'" in text, "report: a policy forbids every load")
    outside = re.findall(r"""(?:src|href|action|data)\s*=\s*["'](?!#)[^"']*["']|@import|url\(|https?://(?!www\.w3\.org/2000/svg)""", text)
    tap.ok(not outside, "report: nothing in it names a place to load from", outside)


def test_hostile_text(tap, place):
    nasty = "</script><script>x</script><!-- \u2028 \U0001f550 é"
    run = report_runs.run()
    run["manifest"]["command"] = nasty
    run["manifest"][nasty] = nasty
    path = place.put("nasty.json", run)
    text = place.report(path, "-o", "-", "--title", nasty).stdout
    data = text.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    tap.ok("<" not in data and "\u2028" not in data and data.isascii(), "report: data cannot end its element")
    read = json.loads(data)
    tap.equal((read["title"], read["runs"][0]["run"]), (nasty, run), "report: data comes back as it was")
    tap.equal(text.count("<script"), 2, "report: no other script is in the page")
    got = subprocess.run([PROGRAM, str(path).encode(), b"-o", b"-", b"--title", b"caf\xe9"],
                         stdout=subprocess.PIPE)
    tap.ok(b'"title":"caf?"' in got.stdout, "report: a title that is no UTF-8 is written nevertheless")


with Tap() as tap:
    for test in (test_errors, test_page, test_hostile_text):
        with tempfile.TemporaryDirectory(prefix="nm-report-") as home:
            test(tap, Place(home))
