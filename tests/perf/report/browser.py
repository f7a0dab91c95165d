"""A headless Chromium, driven over WebDriver with the standard library's HTTP client. It has a
profile of its own, which goes with it, and ends with the block that it is used in."""

import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage"]


def need_browser(name):
    """Ends the test as skipped where there is no browser."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            print(f"1..0 # SKIP {name}: {program} is not installed; ./check installs it")
            sys.exit(0)


class Browser:
    def __init__(self, log):
        self.profile = tempfile.mkdtemp(prefix=f"nm-browser-{os.getpid()}-")
        self.log = open(log, "w")
        self.driver = subprocess.Popen([shutil.which("chromedriver"), "--port=0"], stdout=subprocess.PIPE,
                                       stderr=self.log, text=True)
        self.session = None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        for line in self.driver.stdout:
            self.log.write(line)
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                break
        else:
            raise RuntimeError(f"chromedriver ended; see {self.log.name}")
        self.port = int(found.group(1))
        options = {"binary": shutil.which("chromium"), "args": [*FLAGS, f"--user-data-dir={self.profile}"]}
        got = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.session = f"/session/{got['sessionId']}"
        # The browser opens a page of its own first, which loads much.
        self.ask("POST", "/url", {"url": "about:blank"})
        self.requested()

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{method} {path}: {value['error']}: {value['message']}")
        return value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.session:
            try:
                self._ask("DELETE", self.session)
            except (OSError, RuntimeError, ValueError):
                pass
        self.driver.send_signal(signal.SIGTERM)
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self.driver.stdout.close()
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def ask(self, method, path, body=None):
        return self._ask(method, self.session + path, body)

    def devtools(self, command, **params):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, path):
        self.ask("POST", "/url", {"url": pathlib.Path(path).resolve().as_uri()})

    def run(self, script, *arguments):
        """What a script's `return` gives."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, css):
        return self.ask("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def text(self, css):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? null", css)

    def keys(self, css, keys):
        self.ask("POST", f"/element/{self.find(css)}/value", {"text": keys})

    def point_at(self, css, kind="mouse"):
        """Moves the pointer onto the middle of an element; a finger touches it."""
        element = self.find(css)
        self.run("arguments[0].scrollIntoView({block: 'center'})", {ELEMENT: element})
        actions = [{"type": "pointerMove", "duration": 0, "origin": {ELEMENT: element}, "x": 0, "y": 0}]
        if kind == "touch":
            actions += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self.ask("POST", "/actions", {"actions": [
            {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": actions}]})

    def screen(self, width, height=900, dark=False, phone=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        # Plots are drawn anew by an observer, which runs before the frame after next.
        self.ask("POST", "/execute/async", {"args": [], "script":
            "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))"})

    def screenshot(self, path):
        got = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(got["data"]))

    def console(self):
        """Messages of the console since it was last read, without those of the browser's own pages."""
        entries = self.ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if not entry["message"].startswith("chrome://")]

    def requested(self):
        """Addresses that the pages wanted since this was last read, each with why the browser did
        not ask for it; None if it did."""
        wanted, blocked = {}, {}
        for entry in self.ask("POST", "/se/log", {"type": "performance"}):
            event = json.loads(entry["message"])["message"]
            params = event["params"]
            if event["method"] == "Network.requestWillBeSent":
                wanted[params["requestId"]] = params["request"]["url"]
            elif event["method"] == "Network.loadingFailed":
                blocked[params["requestId"]] = params.get("blockedReason")
        return [(url, blocked.get(request)) for request, url in wanted.items()]
