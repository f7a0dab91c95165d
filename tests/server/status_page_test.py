"""The status page in a real browser: what it shows of a server that is asked, at the width of a phone and of a desk,
light and dark; that it asks nobody but the server, and takes text from the server as text."""

import http.client
import json
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "perf/report"))
from browser import Browser, need_browser  # noqa: E402
from harness import SERVER_V4, Tap, World, wait_for  # noqa: E402

need_browser("status_page")

PORT = 9460
WIDTHS = {"phone": (360, True), "desk": (1280, False)}


def ask(path):
    """The headers and the text; None while nobody answers. In the client's namespace."""
    connection = http.client.HTTPConnection(SERVER_V4, PORT, timeout=5)
    try:
        connection.request("GET", path)
        got = connection.getresponse()
        return {k.lower(): v for k, v in got.getheaders()}, got.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def shown(browser):
    return browser.run("return document.body.dataset.shown === 'yes'")


def asking(world, end):
    while not end.is_set():
        world.sntp(timeout=0.2)
        world.sntp(timeout=0.01, version=7)  # is dropped
        world.answers_ke()
        time.sleep(0.02)


def headers(tap):
    got = ask("/")[0]
    policy = got.get("content-security-policy", "")
    tap.equal(got.get("content-type"), "text/html; charset=utf-8", "the page is HTML")
    tap.ok(policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy and
           "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy, "with a strict policy", policy)
    kind, text = ask("/history")
    tap.ok(kind.get("content-type") == "application/json" and json.loads(text)["step_s"] == 10, "its history is JSON", text)


def page(tap, world, browser):
    address = f"http://{SERVER_V4}:{PORT}/"
    browser.ask("POST", "/url", {"url": address})
    wait_for(lambda: shown(browser), 20)
    # Two rates need three points.
    tap.ok(wait_for(lambda: browser.run("return document.querySelectorAll('.chart path[d*=L]').length") >= 4, 60, 0.5),
           "the charts have lines", browser.text("#charts"))
    tap.equal(browser.text("#state"), "Serving a healthy clock", "the state is told at the top")
    facts = browser.text("#facts")
    tap.ok("Replies a second" in facts and "Clock wrong by at most" in facts and "fixed, TEST" in facts,
           "and the first facts", facts)
    tap.ok(browser.run("return document.querySelector('.chart h2').textContent === 'Replies a second' && "
                       "document.querySelectorAll('.chart').length === 6"), "there are six charts")
    legends = browser.run("return [...document.querySelectorAll('.chart')].map((c) => c.textContent).join('\\n')")
    tap.ok("plain " in legends and "version " in legends and "abandoned " in legends,
           "with replies, drops and key exchanges by name", legends)
    tables = browser.run("return [...document.querySelectorAll('table')].map((t) => t.rows.length)")
    tap.ok(tables == [5, 2, 2, 3], "and tables of processes, ports, certificates and keys", tables)
    tap.ok("<b>odd" in browser.text("#certificates") and browser.run("return document.querySelector('#certificates b')")
           is None, "a file's name with markup is text", browser.text("#certificates"))
    for name, (width, phone) in WIDTHS.items():
        for dark in (False, True):
            browser.screen(width, 800, dark=dark, phone=phone)
            tap.ok(browser.run("return document.documentElement.scrollWidth <= window.innerWidth"),
                   f"{name}, {'dark' if dark else 'light'}: nothing is wider than the screen")
            browser.screenshot(world.home / f"{name}-{'dark' if dark else 'light'}.png")
    wanted = browser.requested()
    tap.ok(wanted and all(url.startswith((address, "data:")) for url, _ in wanted), "it asks this server alone", wanted)
    tap.equal(browser.console(), [], "the browser has nothing to complain about")
    world.stop()
    tap.ok(wait_for(lambda: "No answer from the server" in browser.text("#state"), 30, 0.3),
           "a server that has gone is told", browser.text("#state"))


with Tap() as tap, World("status_page") as world:
    odd = world.home / "<b>odd.pem"
    os.link(world.certificate, odd)
    plain = world.certificate
    world.certificate = odd
    world.configure(extra=f"metrics:\n  listen: {SERVER_V4}:{PORT}\n")
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace(f"chain: {odd}", f'chain: "{odd}"'))
    world.certificate = plain
    world.start()
    end = threading.Event()
    thread = threading.Thread(target=asking, args=(world, end))
    thread.start()
    try:
        with world.client.entered():
            wait_for(lambda: ask("/metrics") is not None, 20)
            headers(tap)
            with Browser(world.home / "browser.log") as browser:
                page(tap, world, browser)
    finally:
        end.set()
        thread.join()
