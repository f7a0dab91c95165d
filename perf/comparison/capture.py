"""When the requests and replies of a client passed its interface, by the kernel's own stamps.

A packet socket sees what the kernel's stack sends and receives there. Packets of AF_XDP, as those
of a load tester beside the client, pass below it. A reply's stamp is the one that chronyd gets as
its T4; a request's is a microsecond or two before chronyd's T1. No process of ours runs while the
packets pass: they wait in the socket's buffer.
"""

import socket
import struct

from exchanges import Matcher, Packet

ETH_P_ALL, PACKET_OUTGOING = 3, 4
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
BUFFER = 16 << 20
UDP, NTP_LEN = 17, 48


class Capture:
    """Of IPv4 between `client_port`, or any port if it is None, and `server_port`, in a namespace."""

    def __init__(self, namespace, interface, client_port, server_port):
        self.client_port, self.server_port = client_port, server_port
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setblocking(False)
        self.socket.bind((interface, ETH_P_ALL))
        self.matcher = Matcher()

    def close(self):
        self.socket.close()

    def read(self):
        """All that has come: the matcher."""
        while True:
            try:
                frame, control, _, address = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return self.matcher
            self.take(frame, stamp_of(control), address[2] == PACKET_OUTGOING)

    def take(self, frame, at_ns, outgoing):
        header = (frame[0] & 15) * 4
        if frame[0] >> 4 != 4 or frame[9] != UDP or len(frame) < header + 8 + NTP_LEN:
            return
        ports = struct.unpack_from(">HH", frame, header)
        client, server = ports if outgoing else ports[::-1]
        if server != self.server_port or self.client_port not in (None, client):
            return
        packet = Packet(at_ns, frame[header + 8:])
        if outgoing:
            self.matcher.request(packet)
        else:
            self.matcher.reply(packet)


def stamp_of(control):
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, ns = struct.unpack("=qq", data[:16])
            return seconds * 1_000_000_000 + ns
    raise RuntimeError("the kernel gave a packet without a timestamp")
