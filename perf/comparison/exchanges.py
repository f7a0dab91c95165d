"""Joins chronyd's log of its exchanges with their timestamps; pure arithmetic.

T1 is the time at which a request leaves the client, T2 the server's receive timestamp, T3 its transmit
timestamp, T4 the time at which the reply arrives at the client. If both read the same clock,
T1 <= T2 <= T3 <= T4 holds for a server with true timestamps. The offset is half the difference of T2-T1
and T4-T3, positive when the request seems to take longer; the true offset is 0.

chronyd's log has offset and delay, in seconds. Its offset has the same sign: positive says that the
client's clock is slow. Its delay has none: chronyd logs the absolute value, and never less than
both precisions. So the log alone cannot tell T4-T3 once it is negative. The packets have T2 and T3,
and the kernel's stamps of the replies are T4 (capture.py); T2-T1 then follows from the offset.
RFC 5905, section 8; chrony 4.3, ntp_core.c.
"""

import bisect
import math
import struct

UNIX_EPOCH = 2208988800  # in NTP's seconds
MARGIN_NS = 1000  # by which clock readings in two places of a kernel may differ


class Logged:
    """A line of measurements.log, for one reply. valid: it passed the tests of RFC 5905, even if
    chronyd would not use it for its clock."""

    def __init__(self, offset_ns, delay_ns, valid, interleaved, kernel_stamps):
        self.offset_ns, self.delay_ns = offset_ns, delay_ns
        self.valid, self.interleaved = valid, interleaved
        self.kernel_stamps = kernel_stamps  # T1 and T4 alike

    def agrees(self, exchange):
        """Whether both have the same delay, as far as the log's four digits tell. With another
        sign of the offset, or with the exchange of another reply, they do not."""
        delay_ns = abs(exchange.there_ns(self.offset_ns) + exchange.back_ns)
        return abs(delay_ns - self.delay_ns) <= 2 * MARGIN_NS + self.delay_ns / 500 + \
            abs(self.offset_ns) / 500

    def contained(self):
        """Whether the true offset, 0, is within half of the delay of the measured one."""
        return abs(self.offset_ns) <= self.delay_ns / 2 + MARGIN_NS


def read_log(text):
    """All replies: date, time, address, leap, stratum, tests 1-3, tests 5-7, tests A-D, local poll,
    remote poll, score, offset, delay, peer dispersion, root delay, root dispersion, reference id,
    mode, sources of T1 and of T4."""
    rows = []
    for line in text.splitlines():
        words = line.split()
        rows.append(Logged(float(words[11]) * 1e9, float(words[12]) * 1e9,
                           words[5:7] == ["111", "111"], words[17].endswith("I"),
                           words[18:20] == ["K", "K"]))
    return rows


class Exchange:
    """The exchange that the reply at `at_ns` completes: the server's T2 and T3, and T4."""

    def __init__(self, t2, t3, t4):
        self.t2, self.t3, self.t4 = t2, t3, t4
        self.back_ns = t4 - t3

    def there_ns(self, offset_ns):
        """T2-T1, with the client's T1."""
        return 2 * offset_ns + self.back_ns


def nanoseconds(stamp):
    whole, fraction = stamp >> 32, stamp & 0xffffffff
    return (whole - UNIX_EPOCH) * 1_000_000_000 + (fraction * 1_000_000_000 >> 32)


class Packet:
    """at_ns: when it passed the client's interface. payload: of UDP, NTP's header first."""

    def __init__(self, at_ns, payload):
        self.at_ns = at_ns
        self.origin, self.receive, self.transmit = struct.unpack_from(">QQQ", payload, 24)


class Matcher:
    """Finds the exchanges in the packets of one client, which come in order.

    In the interleaved mode a reply has the transmit timestamp of the reply before it: the server
    takes it after sending. Such a reply repeats the request's receive timestamp where a basic one
    repeats its transmit timestamp."""

    def __init__(self):
        self.replies = []  # (when it came, the exchange that it completes or None)
        self.asked = []  # the times at which requests left
        self.request_now = None
        self.before = None  # the reply before, if it belonged to the last request of its time

    def request(self, packet):
        self.asked.append(packet.at_ns)
        self.request_now = packet

    def reply(self, packet):
        request, exchange = self.request_now, None
        if request and packet.origin == request.transmit:
            exchange = Exchange(nanoseconds(packet.receive), nanoseconds(packet.transmit),
                                packet.at_ns)
        elif request and packet.origin == request.receive:
            if self.before and self.before.receive == request.origin:
                exchange = Exchange(nanoseconds(self.before.receive), nanoseconds(packet.transmit),
                                    self.before.at_ns)
        else:
            self.replies.append((packet.at_ns, None))  # too late, or not expected
            return
        self.replies.append((packet.at_ns, exchange))
        self.before, self.request_now = packet, None


def pair(rows, replies, interleaved, begin_ns, end_ns):
    """[(row, exchange)] of the replies that came in that time. The log has a line for each reply,
    from the first on; those for the last may not be written yet."""
    return [(row, exchange) for row, (at_ns, exchange) in zip(rows, replies)
            if begin_ns <= at_ns < end_ns and row.valid and row.interleaved == interleaved and
            exchange]


def percentile(ordered, share):
    """The quantile: the smallest value that at least this share of all values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def figures(pairs):
    """The figures of one measurement; times in microseconds."""
    offsets = sorted(abs(row.offset_ns) / 1000 for row, _ in pairs)
    there = sorted(exchange.there_ns(row.offset_ns) / 1000 for row, exchange in pairs)
    back = sorted(exchange.back_ns / 1000 for _, exchange in pairs)
    margin = MARGIN_NS / 1000
    return {
        "exchanges": len(pairs),
        "kernel_stamps": sum(row.kernel_stamps for row, _ in pairs),
        "offset_p50": percentile(offsets, 0.5), "offset_p99": percentile(offsets, 0.99),
        "offset_max": offsets[-1],
        "there_p50": percentile(there, 0.5), "there_p1": percentile(there, 0.01),
        "there_min": there[0],
        "back_p50": percentile(back, 0.5), "back_p1": percentile(back, 0.01), "back_min": back[0],
        "uncontained": sum(not row.contained() for row, _ in pairs),
        "early": bisect.bisect_left(there, -margin), "late": bisect.bisect_left(back, -margin)}
