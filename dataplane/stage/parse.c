// From frames to NTP packets: the checks in the order of enum outcome.
#include "dataplane/stage/parse.h"

#include "base/bytes.h"
#include "dataplane/wire/source.h"

#include <stddef.h>

static const enum outcome end_of_fault[] = {
    [FRAME_RUNT] = DROPPED_RUNT,         [FRAME_NOT_IP] = DROPPED_NOT_IP,
    [FRAME_FRAGMENT] = DROPPED_FRAGMENT, [FRAME_IP_OPTIONS] = DROPPED_IP_OPTIONS,
    [FRAME_NOT_UDP] = DROPPED_NOT_UDP,
};

// Is the frame to the port's MAC address? Without a set the XDP program has looked.
static bool is_to_port(const uint8_t *frame, const struct address_set *ours)
{
    return ours == NULL || ours->mac == 0 || be64_get(frame) >> 16 == ours->mac;
}

// Is it one of our own addresses? Nobody else sends from it.
static bool is_from_us(const uint8_t *frame, const struct datagram *d,
                       const struct address_set *ours)
{
    if (ours == NULL)
        return false;
    const uint8_t *source = frame_source(frame, d);
    return d->ip_version == 4 ? address_set_has_v4(ours, source) : address_set_has_v6(ours, source);
}

static bool is_ours(const uint8_t *frame, const struct datagram *d, const struct address_set *ours)
{
    if (ours == NULL)
        return true;
    const uint8_t *destination = frame_destination(frame, d);
    return d->ip_version == 4 ? address_set_has_v4(ours, destination)
                              : address_set_has_v6(ours, destination);
}

// May that datagram be answered, as far as its source tells? On a port that has its datagrams from
// the kernel, this host itself may ask, from its own addresses and from loopback: the kernel takes
// no such packet from a wire, but for those that the filter of the guard sockets discards.
static bool source_is_good(const uint8_t *frame, const struct datagram *d,
                           const struct address_set *ours, bool from_kernel)
{
    const uint8_t *source = frame_source(frame, d);
    if (from_kernel && source_is_loopback(d->ip_version, source))
        return true;
    return source_is_possible(d->ip_version, source) &&
           (from_kernel || !is_from_us(frame, d, ours));
}

// Not inline: what comes to port 123 must not pay for the second port.
static __attribute__((noinline)) bool is_usual_at_nts(const uint8_t *frame, uint32_t len,
                                                      uint16_t port, struct datagram *d)
{
    return port != 0 && frame_open_usual(frame, len, port, d);
}

// How one frame ends, or OUTCOMES when it passes.
static enum outcome fault_of(const uint8_t *frame, uint32_t len, const struct address_set *ours,
                             struct udp_ports ports, bool from_kernel, struct datagram *d)
{
    if (len > FRAME_MAX)
        return DROPPED_OVERSIZE;
    if ((frame_open_usual(frame, len, ports.ntp, d) || is_usual_at_nts(frame, len, ports.nts, d)) &&
        (ours == NULL ||
         (is_ours(frame, d, ours) && is_to_port(frame, ours) && !is_from_us(frame, d, ours))))
        return OUTCOMES;
    enum frame_fault fault = frame_open(frame, len, d);
    if (fault != FRAME_GOOD)
        return end_of_fault[fault];
    if (!udp_ports_have(ports, d->destination_port))
        return DROPPED_NOT_NTP;
    if (!is_ours(frame, d, ours))
        return DROPPED_NOT_OURS;
    if (frame_is_group(frame, d))
        return DROPPED_GROUP;
    // What the kernel checks for a socket.
    if (!is_to_port(frame, ours))
        return DROPPED_OTHER_MAC;
    if (!source_is_good(frame, d, ours, from_kernel))
        return DROPPED_SOURCE;
    if (!frame_checksums_hold(frame, d))
        return DROPPED_CHECKSUM;
    if (d->source_port == 0) // no reply can be sent there (RFC 768)
        return DROPPED_PORT_ZERO;
    return OUTCOMES;
}

// The port has already fetched the headers. When the next stage reads this frame, the rest of a
// request with one cookie is in the cache too; for longer requests the processor's own prefetcher
// goes on. Prefetching past the frame's end does no harm, and a check of its length would cost
// more.
static void prefetch_rest(const uint8_t *frame)
{
    enum { LINE = 64, LINES = 5 };
    for (unsigned i = 1; i < LINES; i++)
        __builtin_prefetch(frame + i * (size_t)LINE);
}

lane_set parse(struct batch *batch, lane_set lanes, const struct address_set *ours,
               struct udp_ports ports)
{
    lane_set passed = 0;
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        prefetch_rest(batch->burst.frame[i]);
        enum outcome end = fault_of(batch->burst.frame[i], batch->burst.len[i], ours, ports,
                                    batch->burst.from_kernel, &batch->datagram[i]);
        if (end == OUTCOMES)
            passed |= lane_bit(i);
        else
            batch->ended[end] |= lane_bit(i);
    }
    return passed;
}

lane_set parse_to_port(const struct batch *batch, lane_set lanes, uint16_t port)
{
    lane_set there = 0;
    while (lanes != 0) {
        const unsigned i = lane_take(&lanes);
        there |= (lane_set)(batch->datagram[i].destination_port == port) << i;
    }
    return there;
}
