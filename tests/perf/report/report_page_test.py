"""The page of ntsperf report, opened in a headless Chromium: what a reader sees, by pointer, by
keyboard and by finger, light and dark, on a desk and on a phone; and that it loads nothing and runs
nothing of what the runs say. argv[1]: the program, tests/perf/report_main.c."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "server")]
import report_runs  # noqa: E402
from browser import Browser, need_browser  # noqa: E402
from harness import BUILD, Tap, wait_for  # noqa: E402

HOME = BUILD / "tests" / f"report-page-{os.getpid()}"
DESK, PHONE = {"width": 1600}, {"width": 360, "height": 780, "phone": True}
ARROW_RIGHT, ARROW_DOWN, ESCAPE = "\ue014", "\ue015", "\ue00c"
NASTY = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 1'><!-- \u2028"

# Every text that can be seen, with its contrast to what lies behind it (WCAG 2.1), if below 4.5.
LOW_CONTRAST = """
const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
const light = (c) => { const [r, g, b] = rgb(c).map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] !== 0) return c; }
  return 'rgb(255, 255, 255)'; };
const low = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let n = 0;
while (walk.nextNode()) {
  const e = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest('script, noscript')) continue;
  const ink = getComputedStyle(e)[e.namespaceURI.endsWith('svg') ? 'fill' : 'color'];
  const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
  n++;
  if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${e.tagName} ${walk.currentNode.data.slice(0, 30)}`);
}
return [n, low];
"""


class Reports:
    def __init__(self, browser):
        self.browser = browser

    def open(self, name, runs, *arguments, **screen):
        paths = []
        for stem, run in runs.items():
            paths.append(HOME / f"{stem}.json")
            paths[-1].write_text(json.dumps(run))
        page = HOME / f"{name}.html"
        subprocess.run([sys.argv[1], *paths, "-o", page, *arguments], check=True, stdout=subprocess.DEVNULL)
        self.browser.screen(**{**DESK, **screen})
        self.browser.open(page)
        self.browser.screen(**{**DESK, **screen})


def figure(title):
    """Marks the figure of that title, and gives a selector for it."""
    return f"figure[data-test='{title}']", f"""
        for (const f of document.querySelectorAll('figure'))
            if (f.querySelector('h3').textContent === {title!r}) f.dataset.test = {title!r};"""


def mark(browser, title):
    css, script = figure(title)
    browser.run(script)
    return css


def tip(browser, css):
    return browser.run("const t = document.querySelector(arguments[0] + ' .tip'); return t.hidden ? null : t.innerText", css)


def cell_of(browser, figure_name):
    return browser.run("return [...document.querySelectorAll(`#figures tr[data-figure='${arguments[0]}'] td`)]"
                       ".map((c) => c.innerText.trim())", figure_name)


def test_figures(tap, browser, reports):
    runs = {"fast": report_runs.search(132400.0), "slow": report_runs.search(78000.0, 90000, 20)}
    reports.open("figures", runs)
    tap.equal(cell_of(browser, "Rate rate"), ["132,400/s", "78,000/s"], "page: a table's cells hold the runs' rates")
    wanted = runs["fast"]["latency_ns"]["p99"]
    tap.equal(cell_of(browser, "Latency p99")[0], f"{wanted / 1000:.3g} µs", "page: and a percentile in its unit")

    css = mark(browser, "Rate against loss")
    browser.point_at(f"{css} g.c0 path.point:last-of-type")
    got = tip(browser, css) or ""
    tap.ok(got.startswith("fast: loss") and "offered 198,600/s" in got and "loss 33.3 %" in got
           and "objective missed" in got and "the tester was the limit" in got, "page: the pointer shows a point's values", got)
    browser.run("document.querySelector(arguments[0] + ' .canvas svg').focus()", css)
    browser.keys(f"{css} .canvas svg", ESCAPE + ARROW_RIGHT)
    first = tip(browser, css) or ""
    browser.keys(f"{css} .canvas svg", ARROW_RIGHT)
    second = tip(browser, css) or ""
    browser.keys(f"{css} .canvas svg", ARROW_DOWN)
    other = tip(browser, css) or ""
    tap.ok("offered 8,275/s" in first and "offered 16,550/s" in second and other.startswith("slow: loss"),
           "page: arrow keys walk along a line and to the next one", (first, second, other))
    browser.run("document.activeElement.blur()")
    tap.equal(tip(browser, css), None, "page: the tip goes when the plot is left")

    css = mark(browser, "Rate against latency")
    lines = "return document.querySelectorAll(arguments[0] + ' path.line[d^=M]').length"
    shown = browser.run(lines, f"{css} .canvas")
    browser.run("for (const b of document.querySelectorAll(arguments[0] + ' .legend button')) if (b.textContent === 'p99.9') b.click()", css)
    tap.equal((shown, browser.run(lines, f"{css} .canvas")), (2, 4), "page: the legend adds a percentile of each run")
    marks = browser.run("return [...document.querySelectorAll(arguments[0] + ' .knee-name, ' + arguments[0] + ' .goal-name')].map((t) => t.textContent)", css)
    tap.equal(sorted(marks), ["met up to 132 k/s", "met up to 78 k/s", "objective p99 1 ms"], "page: objective and knees are marked")

    css = mark(browser, "Latency by percentile")
    browser.run("document.querySelector(arguments[0] + ' details').open = true", css)
    browser.screen(**DESK)
    rows = browser.run("return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((r) => r.innerText)", css)
    tap.ok(any(row.startswith("p99.9") for row in rows), "page: a plot's table opens", rows)


def test_retries(tap, browser, reports):
    """Several trials of one rate: a median on the line, the trials themselves faint."""
    run = report_runs.search()
    knee = max((s for s in run["steps"] if s["met"]), key=lambda s: s["rate"])
    for loss in (0.02, 0.5):
        run["steps"].append({**knee, "loss": loss, "met": False})
    for step in run["steps"]:
        step["duration_s"] = 2.0
    run["steps"].append({**knee, "rate": 777.0, "duration_s": 1.0})
    reports.open("retries", {"one": run})
    css = mark(browser, "Rate against loss")
    count = "return document.querySelectorAll(arguments[0]).length"
    tap.equal((browser.run(count, f"{css} .try"), browser.run(count, f"{css} path.point")), (3, 11),
              "page: three trials of a rate are faint points, and the line has one point a rate, none of a short trial")
    browser.run("document.querySelector(arguments[0] + ' details').open = true", css)
    browser.screen(**DESK)
    rows = browser.run("return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((r) => [...r.cells].map((c) => c.innerText))", css)
    tap.ok([r[3] for r in rows if r[1] == "3"] == ["2 %"],
           "page: the value of such a rate is the median", rows)
    caption = browser.text(f"{css} figcaption")
    tap.ok("Faint points are single trials" in caption and "medians" in caption, "page: and the caption says so", caption)


def test_meaning(tap, browser, reports):
    sentences = lambda: browser.run("return [...document.querySelectorAll('.summary p')].map((p) => p.textContent)")
    reports.open("meaning", {"noonmarkd": report_runs.search(132400.0), "chronyd": report_runs.search(69000.0, 90000, 20)})
    said = sentences()
    tap.ok(len(said) == 3 and said[0].startswith("noonmarkd: The server answered up to 132 thousand NTS requests a second (loss up to 0.001 %") and
           said[2] == "noonmarkd answered the most: 1.9 times chronyd.", "page: it says in words what runs mean and how they differ", said)
    reports.open("meaning", {"noonmarkd": report_runs.search(), "soak": report_runs.soak()})
    tap.equal(len(sentences()), 2, "page: a search and a run at one rate are not compared")
    reports.open("meaning", {"mix": report_runs.mix()})
    said = sentences()
    tap.ok(len(said) == 1 and "1.25 % of the well-behaved clients' requests were lost" in said[0], "page: a mix, by its victims", said)
    tap.equal(browser.run("return [...document.querySelectorAll('table.flows tbody tr')].map((r) => r.cells[0].innerText + ' ' + r.cells[1].innerText.trim())"),
              ["nts 0.04 %", "plain 0.01 %", "bad-tag –", "flood –", "victim 1.25 %"],
              "page: flows that deserve no time have no loss, as in the terminal")
    reports.open("meaning", {"one": report_runs.run(), "two": report_runs.run(middle=240000, seed=9)})
    said = sentences()
    tap.ok(re.fullmatch(r"At one rate, one answered 99 % of its requests the soonest. In comparison, two took [34].\d times as long\.", said[-1]),
           "page: runs at one rate are compared by their latency", said)
    titles = browser.run("return [...document.querySelectorAll('figure h3')].map((h) => h.textContent)")
    tap.equal(titles, ["Latency by percentile", "Latency histogram"], "page: a single rate is no plot")


def test_rare(tap, browser, reports):
    """A percentile needs ten replies beyond it."""
    many, few = report_runs.run(answered=1000000, sent=1000000), report_runs.run(answered=999999, sent=999999)
    reports.open("rare", {"many": many, "few": few})
    tap.ok([c != "–" for c in cell_of(browser, "Latency p99.999")] == [True, False] and
           [c != "–" for c in cell_of(browser, "Latency p99.99")] == [True, True],
           "page: p99.999 needs a million replies", cell_of(browser, "Latency p99.999"))
    tap.ok("ten replies or more" in browser.text("#figures caption"), "page: and the rule is told", browser.text("#figures caption"))


def all_runs():
    return {"search": report_runs.search(), "aesni": report_runs.search(78000.0, 90000, 20),
            "soak": report_runs.soak(), "mix": report_runs.mix(), "ke": report_runs.exchanges()}


def test_kinds(tap, browser, reports):
    reports.open("kinds", all_runs())
    titles = browser.run("return [...document.querySelectorAll('figure h3')].map((h) => h.textContent)")
    tap.equal(titles, ["Rate against loss", "Rate against latency", "Handshakes against failures",
                       "Handshakes against time to first cookie", "Latency by percentile", "Latency histogram",
                       "Rate over time", "Loss over time", "Latency over time"], "page: each kind of run has its plots")
    said = browser.run("return [...document.querySelectorAll('.warning')].map((w) => w.textContent).join('\\n')")
    tap.ok("The tester was the limit: the sending thread had no time left" in said and
           "4 replies were wrong: a wrong authenticator (3), belongs to no request (1)" in said and
           "timed out (7), refused (2)" in said, "page: it warns of the tester's limit and of wrong replies", said)
    tap.equal(browser.run("return [...document.querySelectorAll('tr.victim')].map((r) => r.cells[1].innerText.trim())"),
              ["1.25 %"], "page: the victims' loss stands out")
    css = mark(browser, "Latency over time")
    browser.point_at(f"{css} .canvas svg")
    tap.ok("after 5" in (tip(browser, css) or "") and "ms" in tip(browser, css) or "µs" in tip(browser, css),
           "page: a line without dots has tips too", tip(browser, css))
    nothing = {name: 0 for name in report_runs.summary([1])}
    mute = report_runs.run(answered=0, lost=20000, loss=1.0, answered_rate=0.0, latency_ns=nothing, processing_ns=nothing,
                           histogram_ns=[], series=[{"t": t, "span": 1.0, "sent": 50 * (t < 4), "answered": 0, "lost": 50,
                                                     "p50": 0, "p99": 0} for t in (1, 2, 3, 4)])
    reports.open("mute", {"mute": mute})
    titles = browser.run("return [...document.querySelectorAll('figure h3')].map((h) => h.textContent)")
    tap.ok(titles == ["Rate over time", "Loss over time"] and not cell_of(browser, "Latency p50"),
           "page: a server that never answers has no latency, not one of 0", titles)
    bare = {"bare": {"manifest": {"ntsperf": "9", "mode": "new", "x": None}, "histogram_ns": [[1, "x"], None, 3], "steps": [1, None],
                     "series": [None, {}], "flows": [7, {"name": 3}], "latency_ns": {"p50": "high"}, "rate": None}}
    reports.open("bare", bare)
    tap.ok("bare" in (browser.text(".card h3") or ""), "page: absent and odd fields leave it whole", browser.text("main"))


def test_looks(tap, browser, reports):
    grounds = set()
    for screen, place in ((DESK, "desk"), (PHONE, "phone")):
        for dark in (False, True):
            name = f"{place}, {'dark' if dark else 'light'}"
            reports.open("looks", all_runs(), dark=dark, **screen)
            grounds.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
            browser.run("for (const d of document.querySelectorAll('details')) d.open = true")
            browser.screen(dark=dark, **screen)
            # Not innerWidth: a phone zooms out until all is in sight.
            width, wide = screen["width"], browser.run("return document.documentElement.scrollWidth")
            over = browser.run("return [...document.querySelectorAll('main *')].filter((e) => !e.closest('.scroll, svg') && "
                               "e.getBoundingClientRect().right > arguments[0] + 1).map((e) => e.tagName + '.' + e.className)", width)
            tap.ok(wide <= width and not over, f"page: nothing overflows ({name})", (wide, width, over))
            cut = browser.run("return [...document.querySelectorAll('.canvas svg')].flatMap((s) => { const b = s.getBoundingClientRect(); "
                              "return [...s.querySelectorAll('text')].filter((t) => { const r = t.getBoundingClientRect(); "
                              "return r.left < b.left - 1 || r.right > b.right + 1 || r.top < b.top - 1 || r.bottom > b.bottom + 1; }).map((t) => t.textContent); })")
            tap.ok(not cut, f"page: every text of a plot is whole ({name})", cut)
            used = browser.run("return document.getElementById('main').getBoundingClientRect().width")
            tap.ok(used >= 0.88 * width, f"page: the width is used ({name})", (used, width))
            n, low = browser.run(LOW_CONTRAST)
            tap.ok(n > 400 and not low, f"page: text has a contrast of 4.5 and more ({name})", (n, low[:10]))
            browser.screenshot(HOME / f"{place}-{'dark' if dark else 'light'}.png")
    tap.equal(len(grounds), 2, "page: light and dark differ")
    css = mark(browser, "Rate against loss")
    browser.point_at(f"{css} g.c1 path.point:last-of-type", "touch")
    tap.ok((tip(browser, css) or "").startswith("aesni: loss"), "page: a tap shows a point's values", tip(browser, css))


def test_hostile(tap, browser, reports):
    run = report_runs.mix()
    run["manifest"].update({"command": NASTY, NASTY: NASTY, "__proto__": NASTY, "path": NASTY})
    run["manifest"]["target"]["name"] = NASTY
    run["tester"]["why"] = NASTY
    run["wrong_kinds"] = {NASTY: 4}
    run["flows"][0]["name"] = NASTY
    reports.open("hostile", {"<img src=x onerror=alert(1)>": run, "plain": report_runs.run()}, "--title", NASTY)
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true")
    tap.equal(browser.run("return window.hit ?? null"), None, "page: hostile text does not run")
    tap.equal(browser.run("return [document.images.length, document.scripts.length]"), [0, 2], "page: and makes no elements")
    tap.equal(browser.text(".manifest pre"), NASTY, "page: it is shown as the text that it is")
    tap.equal(browser.text("h1"), NASTY, "page: in the title too")


def test_policy(tap, browser, reports):
    """Last, for it makes the console complain: that the policy would hold if escaping had failed."""
    reports.open("policy", {"one": report_runs.run()})
    browser.run("""const s = document.createElement('script'); s.textContent = 'window.hit = 1'; document.body.append(s);
        const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i);""")
    tap.equal(browser.run("return window.hit ?? null"), None, "page: its policy runs no other script")
    said = wait_for(lambda: [m for m in browser.console() if "Content Security Policy" in m], 5)
    tap.ok(said, "page: the console says so")
    loaded = [(u, why) for u, why in browser.requested() if "127.0.0.1" in u and why != "csp"]
    tap.ok(not loaded, "page: and it lets nothing be loaded", loaded)


def main():
    need_browser("perf/report_page")
    HOME.mkdir(parents=True)
    with Tap() as tap, Browser(HOME / "browser.log") as browser:
        reports = Reports(browser)
        for test in (test_figures, test_retries, test_meaning, test_rare, test_kinds, test_looks, test_hostile):
            test(tap, browser, reports)
        loaded = [u for u, _ in browser.requested() if not (u.startswith(HOME.as_uri()) and u.endswith(".html"))]
        tap.ok(not loaded, "page: no request but for the page itself", loaded)
        said = browser.console()
        tap.ok(not said, "page: the console has nothing to say", said)
        test_policy(tap, browser, reports)
    shutil.rmtree(HOME)  # a failed test leaves it


main()
