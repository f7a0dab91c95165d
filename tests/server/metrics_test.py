"""The metrics over HTTP: what is served at /metrics, by a process that holds no key and that strangers cannot make
cost anybody else anything: not with floods, not with slow connections, not by its death."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

from harness import BUILD, CLIENT_IF, CLIENTS, SERVER_V4, Tap, World, wait_for

PORT = 9460
MOST, MOST_OF_ONE = 64, 16  # metrics/http.h
DEADLINE = 10
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PROMTOOL = CLIENTS / "promtool/usr/bin/promtool"


class Answer:
    def __init__(self, octets):
        head, _, self.body = octets.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if len(lines[0].split()) > 1 else 0
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        self.text = self.body.decode()


def connect(world, source=None):
    s = world.client.socket(kind=socket.SOCK_STREAM)
    s.settimeout(20)
    if source:
        s.bind((source, 0))
    s.connect((SERVER_V4, PORT))
    return s


def read_all(s):
    octets = b""
    try:
        while more := s.recv(65536):
            octets += more
    except ConnectionError:
        pass
    return octets


def ask(world, path="/metrics", method="GET", headers=(), body=b"", source=None):
    with connect(world, source) as s:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {SERVER_V4}:{PORT}", *headers]
        try:
            s.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        except ConnectionError:
            pass  # refused before all was sent; its answer may be there
        return Answer(read_all(s))


def samples(text):
    """{name{labels}: value} of the text."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines()
            if line and line[0] != "#"}


def scrape(world, source=None):
    return samples(ask(world, headers=[f"Accept: {OPENMETRICS}"], source=source).text)


def total(got, name, **labels):
    wanted = [f'{k}="{v}"' for k, v in labels.items()]
    return sum(v for k, v in got.items()
               if k.split("{")[0] == name and all(w in k for w in wanted))


def content(tap, world):
    whole = ask(world, headers=[f"Accept: {OPENMETRICS}"])
    tap.equal((whole.status, whole.headers.get("content-type")),
              (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
              "OpenMetrics is served to whom asks for it")
    tap.ok(whole.text.endswith("\n# EOF\n"), "it has its end mark")
    older = ask(world)
    tap.equal(older.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8",
              "without a wish the older format is served")
    tap.equal(set(samples(older.text)) - set(samples(whole.text)),
              {k for k in samples(older.text) if "departure_error_seconds_count" in k},
              "both have the same samples, but for the histogram's count")
    if PROMTOOL.exists():
        got = subprocess.run([PROMTOOL, "check", "metrics"], input=older.text, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        tap.ok(got.returncode == 0 and not got.stdout, "promtool check metrics finds nothing",
               got.stdout)
    else:
        tap.skip("promtool check metrics finds nothing", "promtool is not unpacked")

    before = samples(whole.text)
    for _ in range(5):
        world.sntp()
    world.answers_ke()
    def counted():
        after = scrape(world)
        return total(after, "noonmark_ntp_replies_total", kind="plain") - \
            total(before, "noonmark_ntp_replies_total", kind="plain") >= 5 and after
    after = wait_for(counted, 5)
    tap.ok(after, "replies are counted")
    status = world.status()
    tap.equal(total(after, "noonmark_ntp_frames_total"),
              total(after, "noonmark_ntp_replies_total") + total(after, "noonmark_ntp_dropped_total"),
              "every frame is a reply or a drop")
    tap.equal(total(after, "noonmark_certificate_expiry_timestamp_seconds"),
              status["certificates"][0]["expires"], "the certificate's end is that of the status")
    dates = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601",
                            "-in", world.certificate], stdout=subprocess.PIPE, text=True).stdout
    shown = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(status["certificates"][0]["expires"]))
    tap.equal(dates.strip(), f"notAfter={shown}", "and that of the file")
    tap.equal(total(after, "noonmark_keys"), len(status["keys"]), "so is the number of keys")
    tap.ok(0 < total(after, "noonmark_clock_error_bound_seconds") < 1.5, "the clock's error has a bound")
    tap.equal((total(after, "noonmark_clock_healthy"), total(after, "noonmark_clock_synchronised")),
              (1, 1), "the clock is healthy")


def requests(tap, world):
    before = world.status()["metrics_process"]
    head = ask(world, method="HEAD")
    tap.equal((head.status, head.body), (200, b""), "HEAD has an answer without a body")
    tap.ok(int(head.headers["content-length"]) > 1000, "but with its length")
    tap.equal(ask(world, path="/").status, 200, "the root says where the metrics are")
    for path in ("/metrics/", "/metrics/x", "//metrics", "/etc/passwd", "/../metrics", "/%2e%2e/etc/passwd"):
        tap.equal(ask(world, path=path).status, 404, f"{path} is not there")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"):
        got = ask(world, method=method)
        tap.equal((got.status, got.headers.get("allow")), (405, "GET, HEAD"), f"{method} is refused")
    tap.equal(ask(world, headers=["Content-Length: 3"], body=b"abc").status, 400, "so is a body")
    tap.equal(ask(world, headers=["Transfer-Encoding: chunked"], body=b"0\r\n\r\n").status, 400,
              "and one in pieces")
    huge = ask(world, headers=["X: " + "y" * 100000])
    tap.ok(huge.status in (0, 413, 431), "a head that is too long is refused", str(huge.status))
    for junk in (b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
                 os.urandom(200) + b"\r\n\r\n"):
        with connect(world) as s, contextlib.suppress(OSError):
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
            read_all(s)
    tap.equal(ask(world).headers.get("connection", "").lower(), "close", "a connection has one request")
    after = world.status()["metrics_process"]
    tap.ok(after["refused"] - before["refused"] >= 14, "what is refused is counted", f"{before} {after}")
    tap.equal(after["starts"], 1, "the process has stood all of it")


def rights(tap, world):
    pid = world.children()["metrics"]
    files = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    tap.ok(not any("noonmark-control" in f or "noonmark-key" in f for f in files)
           and "noonmark-control" not in maps, "the process has neither the keyring nor a key's file",
           files)
    writable = [line for line in maps.splitlines() if "/memfd:noonmark" in line and "w" in line.split()[1]]
    tap.ok(len(writable) == 1 and "noonmark-metrics" in writable[0], "it can write its own side of the board alone",
           maps)
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    tap.equal(dict(re.findall(r"^(Seccomp|NoNewPrivs|CapPrm|Threads):\s*(\S+)", status, re.M)),
              {"Seccomp": "2", "NoNewPrivs": "1", "CapPrm": "0" * 16, "Threads": "2"},
              "a filter, no capability, and a thread beside the log's")


def libraries(tap, world):
    """libmicrohttpd, and GnuTLS, which it brings, are in no process that holds keys."""
    maps = {role: pathlib.Path(f"/proc/{pid}/maps").read_text()
            for role, pid in {"supervisor": world.noonmarkd.pid, **world.children()}.items()}
    found = {role: sorted(set(re.findall(r"lib(?:gnutls|microhttpd)", text))) for role, text in maps.items()}
    tap.equal(found, {"supervisor": [], "control": [], "ke": [], "dataplane": [],
                      "metrics": ["libgnutls", "libmicrohttpd"]},
              "libmicrohttpd and GnuTLS are in the metrics' process alone")
    tls = [role for role, text in maps.items() if "libssl" in text]
    tap.ok("ke" in tls and "metrics" not in tls, "and OpenSSL's TLS is not in that one", tls)


def slow(tap, world):
    """Connections that never have a whole request, some by an octet a second."""
    start = time.monotonic()
    quiet = [connect(world) for _ in range(MOST_OF_ONE // 2)]
    trickle = [connect(world) for _ in range(MOST_OF_ONE // 2)]
    for s in trickle:
        s.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    refused = connect(world)
    tap.equal(read_all(refused), b"", f"of one address {MOST_OF_ONE} connections are open at once")
    refused.close()
    tap.ok(scrape(world, source=OTHER), "another address is served")
    ended = {}
    while len(ended) < len(trickle) and time.monotonic() - start < 3 * DEADLINE:
        for s in trickle:
            if s in ended:
                continue
            try:
                s.send(b"y")
                s.setblocking(False)
                if s.recv(10) == b"":
                    ended[s] = time.monotonic() - start
            except BlockingIOError:
                pass
            except OSError:
                ended[s] = time.monotonic() - start
        time.sleep(0.5)
    tap.ok(len(ended) == len(trickle) and min(ended.values()) > DEADLINE - 1.5,
           "those that send an octet now and then are cut at their deadline", str(sorted(ended.values())))
    tap.ok(all(read_all(s) == b"" for s in quiet), "those that send nothing are closed")
    for s in quiet + trickle:
        s.close()
    tap.ok(wait_for(lambda: world.status()["metrics_process"]["cut"] >= len(trickle), 5), "cuts are counted")
    tap.ok(wait_for(lambda: scrape(world), 5), "afterwards this address is served again")


def flood(tap, world):
    """Scrapes as fast as four threads can, while NTP, NTS-KE and control are asked."""
    end, n, wrong = threading.Event(), [0], []

    def hammer(i):
        while not end.is_set():
            try:
                got = ask(world, headers=[f"Accept: {OPENMETRICS}"] if i % 2 else ())
                n[0] += got.status == 200
                if got.status not in (0, 200):
                    wrong.append(got.status)
            except OSError:
                pass
    threads = [threading.Thread(target=hammer, args=(i,)) for i in range(4)]
    holders = [connect(world, OTHER) for _ in range(MOST_OF_ONE)]
    before = world.status()
    for t in threads:
        t.start()
    answered = kes = stati = 0
    for _ in range(40):
        answered += world.sntp(timeout=2) is not None
        kes += world.answers_ke()
        stati += world.status() is not None
    end.set()
    for t in threads:
        t.join()
    for s in holders:
        s.close()
    tap.note(f"{n[0]} scrapes")
    tap.ok(n[0] > 40 and not wrong, "all scrapes of the flood are right", str(wrong[:5]))
    tap.equal((answered, kes, stati), (40, 40, 40), "NTP, NTS-KE and control answer during the flood")
    after = world.status()
    tap.equal([after[p]["starts"] for p in ("control", "ke_process", "dataplane", "metrics_process")],
              [before[p]["starts"] for p in ("control", "ke_process", "dataplane", "metrics_process")],
              "no process has ended")


def deaths(tap, world):
    first = world.children()["metrics"]
    os.kill(first, signal.SIGKILL)
    tap.ok(wait_for(lambda: world.children().get("metrics", first) != first and scrape_or_none(world), 10),
           "the process is started again")
    tap.equal(total(scrape(world), "noonmark_process_starts_total", process="metrics"), 2, "it says so itself")
    before = scrape(world)
    os.kill(world.children()["control"], signal.SIGKILL)
    wait_for(lambda: total(scrape(world), "noonmark_process_starts_total", process="control") == 2, 10)
    tap.equal(total(scrape(world), "noonmark_process_starts_total", process="control"), 2,
              "control's death is shown")
    world.sntp()
    tap.ok(wait_for(lambda: total(scrape(world), "noonmark_ntp_frames_total") >
                    total(before, "noonmark_ntp_frames_total"), 5), "and what the others count")


def scrape_or_none(world):
    try:
        return scrape(world)
    except OSError:
        return None


def off(tap, world):
    world.stop()
    world.configure()
    world.start()
    tap.ok("metrics" not in world.children() and world.status()["metrics_process"] is None,
           "without metrics.listen there is no such process")
    with world.client.socket(kind=socket.SOCK_STREAM) as s:
        tap.ok(s.connect_ex((SERVER_V4, PORT)) != 0, "and nothing listens")


def check(tap, world):
    def says(listen):
        world.configure(extra=f"metrics:\n  listen: \"{listen}\"\n")
        return world.server.run(BUILD / "noonmarkd", "-c", world.configuration, "--check-config", check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    got = says(f"{SERVER_V4}:{PORT}")
    tap.ok("is valid" in got, "--check-config takes an address of this host", got)
    got = says("198.51.100.7:9460")
    tap.ok("198.51.100.7:9460 (metrics.listen) is not one of this machine" in got, "and no other", got)


OTHER = "10.123.0.3"  # of the client, too

with Tap() as tap, World("metrics-http") as world:
    check(tap, world)
    world.client.ip("addr", "add", f"{OTHER}/24", "dev", CLIENT_IF)
    world.configure(extra=f"metrics:\n  listen: {SERVER_V4}:{PORT}\n")
    world.start()
    wait_for(lambda: "metrics" in world.children() and scrape_or_none(world), 10)
    content(tap, world)
    rights(tap, world)
    libraries(tap, world)
    requests(tap, world)
    slow(tap, world)
    flood(tap, world)
    deaths(tap, world)
    off(tap, world)
