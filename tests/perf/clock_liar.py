"""A plain NTP server that is honest about all but the time: it moves the timestamps of every k-th
reply, whose sizes and errors it reports. It reads CLOCK_REALTIME, as everybody on this machine does.

    clock_liar.py --port 10123 --every 7 --transmit 5000 --report FILE

    --receive NS      so much is added to the receive timestamp, which otherwise is the time at which
                      the kernel got the request
    --transmit NS     likewise to the transmit timestamp, the time just before the reply is sent
    --dispersion N    root dispersion, in units of 2^-16 s
    --precision N     log2 of seconds; 0 and -30 by default

Without a lie (and for the other replies) both times are read between receiving and sending. It prints
"ready" when it listens; at SIGTERM it writes its report, as JSON: replies, lies, and `certain`, those
lies about the transmit timestamp that lie after the end of the call that sent the reply. The client's
kernel has the reply by then: over a veth it is handed over within the call.
"""

import argparse
import json
import pathlib
import signal
import socket
import struct
import time

NS, UNIX_EPOCH = 10**9, 2208988800
SO_TIMESTAMPNS = 35


def timestamp(ns):
    """NTP's 64 bits, cut off."""
    return ns // NS + UNIX_EPOCH << 32 | (ns % NS << 32) // NS


def arrival(ancillary):
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, ns = struct.unpack("@ll", data[:16])
            return seconds * NS + ns
    return time.time_ns()


class Server:
    def __init__(self, options):
        self.options = options
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(("0.0.0.0", options.port))
        self.socket.settimeout(0.05)
        self.report = {"replies": 0, "lies": 0, "certain": 0}
        self.ended = False

    def answer(self, request, came, client):
        options, report = self.options, self.report
        lies = report["replies"] % options.every == options.every - 1 and \
            (options.receive or options.transmit)
        receive = came + options.receive if lies and options.receive else time.time_ns()
        head = struct.pack(">BBbbIII8s8s", 0x24, 1, 3, options.precision, 0, options.dispersion,
                           0x54455354, bytes(8), request[40:48])
        transmit = time.time_ns() + (options.transmit if lies else 0)
        self.socket.sendto(head + struct.pack(">QQ", timestamp(receive), timestamp(transmit)), client)
        after = time.time_ns()
        report["replies"] += 1
        report["lies"] += bool(lies)
        report["certain"] += bool(lies and options.transmit > 0 and transmit > after)

    def run(self):
        while not self.ended:
            try:
                request, ancillary, _, client = self.socket.recvmsg(512, 256)
            except socket.timeout:
                continue
            if len(request) >= 48:
                self.answer(request, arrival(ancillary), client)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--every", type=int, default=7)
    parser.add_argument("--receive", type=int, default=0)
    parser.add_argument("--transmit", type=int, default=0)
    parser.add_argument("--dispersion", type=int, default=0)
    parser.add_argument("--precision", type=int, default=-30)
    parser.add_argument("--report", required=True)
    server = Server(parser.parse_args())

    def end(*_):
        server.ended = True

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    server.run()
    pathlib.Path(server.options.report).write_text(json.dumps(server.report))


if __name__ == "__main__":
    main()
