#!/usr/bin/env python3
"""noonmarkctl with a hostile server on the control socket: the server's text must not control the
terminal. Prints TAP."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading

from points import report

CTL = pathlib.Path(os.environ["NOONMARK_BUILD"]) / "noonmarkctl"
EVIL = "\x1b[2Jname\x07\x7f\x9b31m\u202e ü€"
SHOWN = " [2Jname"


def ask(answer, *options, command="status", heard=None):
    """noonmarkctl's result when the socket says that."""
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/socket"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)

        def serve():
            peer, _ = listener.accept()
            listener.close()  # what would be asked afterwards finds no server
            request = peer.recv(64)
            if heard is not None:
                heard.append(request)
            peer.sendall(answer)
            peer.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        got = subprocess.run([CTL, "-s", path, *options, *command.split()], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=30, check=False)
        thread.join()
        listener.close()
        return got


def is_text(octets):
    """No control character but newlines."""
    text = octets.decode()
    return not any(ord(c) < 0x20 and c != "\n" or 0x7f <= ord(c) < 0xa0 or c == "\u202e" for c in text)


def main():
    status = {
        "version": EVIL,
        "dataplane": {"crypto": EVIL, "memory": EVIL},
        "clock": {"source": EVIL, "serving": True, "synchronised": True, "leap": EVIL, "reference_id": EVIL},
        "ports": [{"name": EVIL, "driver": EVIL, "mode": EVIL, "mac": EVIL, "stamps": EVIL,
                   "departures": EVIL}],
        "metrics_process": {"heartbeat_age_ms": 5, "starts": 2},
        "etcd_process": {"heartbeat_age_ms": 5, "starts": 2, "current": 0, "read_s": 1},
        "certificates": [{"chain": EVIL, "expires": 4102444800}, {"chain": "/old.pem", "expires": 86400}],
        "keys": [{"id": EVIL, "role": EVIL, "age_s": 1}],
        "counters": {EVIL: 7, "nak_cookie_tag": 5, "dropped_runt": 0},
        "ke": {EVIL: 8},
    }
    text = ask(json.dumps(status).encode() + b"\n")
    objects = ask(json.dumps(status).encode() + b"\n", "--json")
    error = ask(json.dumps({"error": EVIL}).encode() + b"\n")
    broken = ask(b'{"version": \x1b[31mnonsense}\n')
    taken = {"applied": ["control.certificates", EVIL], "unchanged": ["log.level"], "needs_restart": []}
    taken_text = ask(json.dumps(taken).encode() + b"\n", command="reload")
    clock = {
        "clock": status["clock"],
        "health": {"state": EVIL, "reason": "stale", "for_s": 12.7, "changes": 3, "on_unhealthy": "silent",
                   "hook": EVIL},
        "error_bound_s": 0.00125, "line_error_ns": 250.0, "source_offset_s": -1.5e-06, "source_age_s": 0.5,
        "stamp_clocks": [{"clock": EVIL, "exact": True, "bound_ns": 40, "growth_ppb": 5, "gates": 9}],
        "stamps_frequency_ppm": 0.001,
        "ports": [{"name": EVIL, "stamps": EVIL, "stamped": 3, "unstamped": 1, "coverage": 0.75,
                   "hardware": 3, "hardware_believed": 2, "hardware_coverage": 0.5, "receive": EVIL,
                   "clock": {"clock": EVIL, "exact": True, "bound_ns": 21, "gates": 64, "timescale": EVIL,
                             "offset_s": 37.00025, "frequency_ppm": 100.0}}],
        "departure_error": [{"up_to_ns": 1000, "count": 7}], "stamps_refused": 2, "composed_again": 0,
    }
    clock_text = ask(json.dumps(clock).encode() + b"\n", command="clock")
    clock_less = ask(b'{"clock": {}, "health": {}, "error_bound_s": null}\n', command="clock")
    refused = ask(json.dumps({"refused": f"/a.pem: {EVIL}"}).encode() + b"\n", command="reload")
    refused_object = ask(json.dumps({"refused": "why"}).encode() + b"\n", "--json", command="reload")
    silent = ask(b"", command="reload")
    ports = {
        "ports": [{"name": EVIL, "kind": "interface", "driver": EVIL, "mode": "XDP native, copy", "mac": EVIL,
                   "queues": 2, "link_up": True, "state": "open", "xdp_program": 9, "stamps": EVIL,
                   "departures": EVIL, "launch_time": EVIL, "stamped": 3, "unstamped": 1, "frames_received": 4, "rx_missed": 12,
                   "rx_ring_full": 10, "fill_ring_empty": 6, "rx_invalid": 0, "addresses_served": 35,
                   "addresses": ["192.0.2.1", EVIL], "addresses_not_steered": 0},
                  {"name": "gone", "kind": "interface", "state": "missing"},
                  {"name": "taken", "kind": "interface", "state": "blocked", "xdp_program": 41, "driver": ""},
                  {"name": "net_memif0", "kind": "vdev", "state": "open", "mode": "", "driver": "net_memif"}],
        "udp_port": 123, "nts_port": 4123,
        "kernel_path": {"answers": True, "requests": 5, "stale": 1, "discarded": 2},
    }
    ports_text = ask(json.dumps(ports).encode() + b"\n", command="ports")
    keys = {"keys": [{"id": EVIL, "role": EVIL, "age_s": 90061, "old": None, "opens_for_s": 1},
                     {"id": "0000002a", "role": "old", "age_s": 59, "old": 2, "opens_for_s": 3600, "opened": 7,
                      "sealed": 8}],
            "rotate_s": 86400, "keep": 3, "next_rotation_s": 7322, "rotating": False, "writing": False, "failing": True,
            "fleet": {"serial": 12, "ends": 1796083200, "frozen": True, "refused": True, "refusals": 1, "fingerprint": EVIL, "spans": 3,
                      "revoked": 2, "waits": True, "why": EVIL},
            "etcd": {"current": 0, "read_s": 86400, "member": 2, "revision": 41}}
    keys_text = ask(json.dumps(keys).encode() + b"\n", command="keys")
    heard = []
    rotated = ask(json.dumps({"current": EVIL, "future": "0000002c", "wiped": ["0000002a", EVIL], "keys": 5}).encode() + b"\n",
                  command="keys rotate", heard=heard)
    asked = []
    mute = subprocess.run([CTL, "-s", "/nowhere/socket", "keys", "revoke"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=30, check=False)
    revoked = ask(json.dumps(keys).encode() + b"\n", "--yes", "--id", "0000002a", command="keys revoke", heard=asked)
    ke = {"process": {"heartbeat_age_ms": 5, "starts": 1}, "ke": {"accepted": 8, "completed": 6, "no_alpn": 2, "open": 3},
          "limits": {"max_connections": 100, "deadline_ms": 5000, "threads": 2},
          "sessions": {EVIL: 1, "group_x25519": 6, "suite_other": 0, "cpu_ns": 2400000,
                       "handshake_time": {"sum_ns": 9, "bins": [{"up_to_ns": 500000, "count": 4}, {"up_to_ns": 1000000, "count": 0},
                                                                {"up_to_ns": None, "count": 2}]},
                       "exchange_time": {"sum_ns": 9, "bins": [{"up_to_ns": 500000, "count": 3}, {"up_to_ns": 1000000, "count": 0},
                                                               {"up_to_ns": None, "count": 1}]}},
          "certificates": [{"chain": "/a.pem", "subject": EVIL, "key": EVIL, "expires": 86400},
                           {"chain": EVIL, "subject": "b.example", "key": "RSA, 2048 bits", "expires": 4102444800}]}
    ke_text = ask(json.dumps(ke).encode() + b"\n", command="ke")
    results = [
        (text.returncode == 0 and is_text(text.stdout) and text.stdout.decode().count(SHOWN) >= 15,
         "status as text has no control characters", text),
        (any(line.split()[:2] == ["nak_cookie_tag", "5"] and line.endswith("authentication tag is wrong.")
             for line in text.stdout.decode().splitlines()) and "dropped_runt" not in text.stdout.decode(),
         "a counter stands with what it means, unless it is zero", text),
        ("\ncert       /old.pem HAS EXPIRED\n" in text.stdout.decode() and
         "\nmetrics    running, start 2\n" in text.stdout.decode(), "certificates and the metrics' process are shown", text),
        ("\netcd       running, start 2\n           the file is NOT the document in etcd, read " in text.stdout.decode() and
         " s ago at member 2, revision 41\n" in keys_text.stdout.decode(), "so is the mover by etcd", keys_text),
        ("ü€" in text.stdout.decode(), "other letters than ASCII's stay", text),
        (objects.returncode == 0 and is_text(objects.stdout)
         and json.loads(objects.stdout)["ports"][0]["mac"].startswith(SHOWN),
         "status as JSON has none, escaped ones included", objects),
        (error.returncode == 1 and is_text(error.stderr) and SHOWN.encode() in error.stderr,
         "an error has none", error),
        (taken_text.returncode == 0 and is_text(taken_text.stdout) and taken_text.stdout.decode().startswith(
            f"applied: control.certificates, {SHOWN}") and taken_text.stdout.decode().endswith(
            "\nunchanged: log.level\n"), "a reload that was taken: exit 0, and what became of what", taken_text),
        (refused.returncode == 1 and not refused.stdout and is_text(refused.stderr) and
         b"refused, nothing has changed: /a.pem: " in refused.stderr, "one that was refused: exit 1, and why", refused),
        (refused_object.returncode == 1 and json.loads(refused_object.stdout) == {"refused": "why"},
         "as JSON, too", refused_object),
        (clock_text.returncode == 0 and is_text(clock_text.stdout) and all(
            part in clock_text.stdout.decode() for part in (
                "(stale) for 13 s, 3 changes; requests are not answered; the hook was told: ",
                "at most 1250.000 us, the line's share 0.250 us", "system's: -1.500 us, said 0.500 s ago",
                "against the stamps' clock: 0.001 ppm", "75.000 % of 4 frames", "within 21 ns, 64 gates", "ahead of UTC by 37.000 s, faster by 100.000 ppm",
                "3 frames, 2 believed (50.000 % of all)",
                "2 stamps refused")), "what is known of the clock, without control characters", clock_text),
        (clock_less.returncode == 0 and b"at most not known" in clock_less.stdout,
         "and what is not known of it", clock_less),
        (ports_text.returncode == 0 and is_text(ports_text.stdout) and all(
            re.search(part, ports_text.stdout.decode()) for part in (
                "interface +copy +2  up ", "addresses  35: 192.0.2.1, .* and 33 more\n", "75.000 % of the frames; ",
                "4 received; dropped: 10 ring full, 2 by the device", "gone +interface .* missing\n",
                "taken .* blocked by another program\n.*XDP program 41 is in the way", "net_memif0 +vdev +DPDK ",
                r"path \(answers\): 5 requests read, 1 waited too long, 2 datagrams")),
         "ports: what each is, where it is served, what was lost", ports_text),
        (keys_text.returncode == 0 and is_text(keys_text.stdout) and all(
            re.search(part, keys_text.stdout.decode()) for part in (
                "1 d 01:01:01 +00:00:01 +0 +0\n", "0000002a +old 2 +00:00:59 +01:00:00 +7 +8\n",
                "next rotation in 02:02:02, one each 1 d 00:00:00, 3 old keys kept\n", "has FAILED",
                "serial 12, fingerprint  .*, 3 spans until 2026-12-01T00:00Z, 2 keys revoked\n", "has ENDED", "is REFUSED: ",
                "the clock is unhealthy")),
         "keys: states, ages and when they change", keys_text),
        (rotated.returncode == 0 and is_text(rotated.stdout) and heard == [b"keys rotate\n"] and all(
            part in rotated.stdout.decode() for part in ("0000002c is the future key, 5 keys\n", "0000002a is wiped: ")),
         "keys rotate: which key seals now, and which are gone", rotated),
        (mute.returncode == 2 and b"give --yes" in mute.stderr and revoked.returncode == 1 and is_text(revoked.stderr) and asked == [b"keys\n"] and
         b"Key 0000002a is revoked: " in revoked.stderr, "keys revoke: what it costs is said first", revoked),
        (ke_text.returncode == 0 and is_text(ke_text.stdout) and all(
            re.search(part, ke_text.stdout.decode()) for part in (
                "3 open of 100 at most, each for at most 5.0 s, in 2 threads\n", "HAS EXPIRED\n",
                r"b.example, RSA, 2048 bits, \d+ days left\n", "no_alpn +2  ", "75.00 % of the connections got cookies; 300 us of CPU each",
                "group_x25519 +6  TLS handshakes in", r"\n  0 to 0.5 ms +4 +3\n  above 1 ms +2 +1\n")),
         "ke: outcomes, connections, limits and certificates", ke_text),
        (silent.returncode == 1 and b"SIGHUP to the supervisor" in silent.stderr,
         "a server that does not answer: what else does it", silent),
        (broken.returncode == 1 and is_text(broken.stderr), "nor has a complaint about a broken answer", broken),
    ]
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
