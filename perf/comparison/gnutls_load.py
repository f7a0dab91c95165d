"""Key exchanges at a steady rate by a client on GnuTLS; ntsperf is on OpenSSL.

    gnutls_load.py ADDRESS PORT RATE SECONDS

Sends Finished and the request in two writes and leaves Nagle's algorithm on: what a client on
GnuTLS does by default. Verifies no certificate: that is no work of the server's.
Prints {"granted", "failed", "median_ms"}. The library is the one that chronyd needs; no headers.
"""

import ctypes
import json
import socket
import statistics
import sys
import threading
import time

CLIENT, CREDENTIALS_CERTIFICATE, SHUT_WR = 1 << 1, 1, 1
WORKERS = 16  # sessions open at once at the most
PATIENCE_S = 5
# NTPv4, AEAD_AES_SIV_CMAC_256, End of Message (RFC 8915, section 4).
REQUEST = bytes.fromhex("800100020000" "80040002000f" "80000000")
ANSWER_MIN = 800  # eight cookies; an error has 10 octets


class Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_uint)]


POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t
LIBRARY = ctypes.CDLL("libgnutls.so.30")


def declare(name, *arguments, result=ctypes.c_int):
    function = getattr(LIBRARY, f"gnutls_{name}")
    function.argtypes, function.restype = arguments, result
    return function


init = declare("init", ctypes.POINTER(POINTER), ctypes.c_uint)
deinit = declare("deinit", POINTER, result=None)
priority = declare("priority_set_direct", POINTER, ctypes.c_char_p, POINTER)
new_credentials = declare("certificate_allocate_credentials", ctypes.POINTER(POINTER))
set_credentials = declare("credentials_set", POINTER, ctypes.c_int, POINTER)
set_alpn = declare("alpn_set_protocols", POINTER, ctypes.POINTER(Datum), ctypes.c_uint,
                   ctypes.c_uint)
set_socket = declare("transport_set_int2", POINTER, ctypes.c_int, ctypes.c_int, result=None)
handshake = declare("handshake", POINTER)
send = declare("record_send", POINTER, ctypes.c_char_p, SIZE, result=ctypes.c_ssize_t)
receive = declare("record_recv", POINTER, ctypes.c_char_p, SIZE, result=ctypes.c_ssize_t)
bye = declare("bye", POINTER, ctypes.c_int)

CREDENTIALS = POINTER()
new_credentials(ctypes.byref(CREDENTIALS))
ALPN = Datum(b"ntske/1", 7)


def converse(session):
    """Whether cookies came."""
    if handshake(session) != 0 or send(session, REQUEST, len(REQUEST)) != len(REQUEST):
        return False
    room, got = ctypes.create_string_buffer(4096), 0
    while (n := receive(session, room, len(room))) > 0:
        got += n
    bye(session, SHUT_WR)
    return got >= ANSWER_MIN


def exchange(address, port):
    session = POINTER()
    with socket.create_connection((address, port), PATIENCE_S) as connection:
        connection.setblocking(True)
        init(ctypes.byref(session), CLIENT)
        try:
            priority(session, b"NORMAL:-VERS-ALL:+VERS-TLS1.3", None)
            set_credentials(session, CREDENTIALS_CERTIFICATE, CREDENTIALS)
            set_alpn(session, ctypes.byref(ALPN), 1, 0)
            set_socket(session, connection.fileno(), connection.fileno())
            return converse(session)
        finally:
            deinit(session)


def work(slots, begin, address, port, took):
    for slot in slots:
        time.sleep(max(0, begin + slot - time.monotonic()))
        since = time.monotonic()
        try:
            granted = exchange(address, port)
        except OSError:
            granted = False
        took.append(time.monotonic() - since if granted else None)


def main(address, port, rate, seconds):
    slots = [i / rate for i in range(round(rate * seconds))]
    begin, took = time.monotonic() + 0.05, []
    workers = [threading.Thread(target=work, daemon=True, args=(
        slots[i::WORKERS], begin, address, port, took)) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds + 4 * PATIENCE_S)
    granted = [s for s in took if s is not None]
    print(json.dumps({"granted": len(granted), "failed": len(took) - len(granted),
                      "median_ms": statistics.median(granted) * 1000 if granted else None}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
