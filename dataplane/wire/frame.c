// Reading frames. RFC 791, RFC 8200, RFC 768, IEEE 802.1Q.
#include "dataplane/wire/frame.h"

#include "crypto/bytes.h"
#include "dataplane/wire/checksum.h"

#include <string.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    IPV4_DONT_FRAGMENT = 0x4000, // the one bit of this word that a whole datagram may have
    IPV4_RESERVED = 0x8000,
    PROTOCOL_UDP = 17,
};

// IPv6's extension headers (IANA registry), fragments apart.
static bool is_extension_header(uint8_t next)
{
    switch (next) {
    case 0:   // hop-by-hop
    case 43:  // routing
    case 50:  // ESP
    case 51:  // AH
    case 60:  // destination options
    case 135: // mobility
    case 139: // HIP
    case 140: // Shim6
        return true;
    default:
        return false;
    }
}

static enum frame_fault open_ipv4(const uint8_t *ip, uint32_t left, uint32_t *ip_len,
                                  uint32_t *total)
{
    if (left < IPV4_LEN)
        return FRAME_RUNT;
    unsigned header_len = (ip[0] & 15u) * 4;
    if (ip[0] >> 4 != 4 || header_len < IPV4_LEN)
        return FRAME_NOT_IP;
    if ((be16_get(ip + 6) & ~(unsigned)(IPV4_DONT_FRAGMENT | IPV4_RESERVED)) != 0)
        return FRAME_FRAGMENT;
    if (header_len != IPV4_LEN)
        return FRAME_IP_OPTIONS;
    if (ip[9] != PROTOCOL_UDP)
        return FRAME_NOT_UDP;
    *ip_len = IPV4_LEN;
    *total = be16_get(ip + 2);
    return FRAME_GOOD;
}

static enum frame_fault open_ipv6(const uint8_t *ip, uint32_t left, uint32_t *ip_len,
                                  uint32_t *total)
{
    enum { FRAGMENT_HEADER = 44 };

    if (left < IPV6_LEN)
        return FRAME_RUNT;
    if (ip[0] >> 4 != 6)
        return FRAME_NOT_IP;
    if (ip[6] == FRAGMENT_HEADER)
        return FRAME_FRAGMENT;
    if (is_extension_header(ip[6]))
        return FRAME_IP_OPTIONS;
    if (ip[6] != PROTOCOL_UDP)
        return FRAME_NOT_UDP;
    *ip_len = IPV6_LEN;
    *total = IPV6_LEN + (uint32_t)be16_get(ip + 4);
    return FRAME_GOOD;
}

enum frame_fault frame_open(const uint8_t *frame, uint32_t len, struct datagram *d)
{
    if (len < ETHERNET_LEN)
        return FRAME_RUNT;
    uint32_t at = ETHERNET_LEN;
    uint16_t ethertype = be16_get(frame + at - 2);
    for (int tags = 0; ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ; tags++) {
        if (tags == VLAN_TAGS_MAX)
            return FRAME_NOT_IP;
        at += VLAN_LEN;
        if (len < at)
            return FRAME_RUNT;
        ethertype = be16_get(frame + at - 2);
    }

    uint32_t ip_len = 0, total = 0;
    enum frame_fault fault = FRAME_NOT_IP;
    if (ethertype == ETHERTYPE_IPV4)
        fault = open_ipv4(frame + at, len - at, &ip_len, &total);
    else if (ethertype == ETHERTYPE_IPV6)
        fault = open_ipv6(frame + at, len - at, &ip_len, &total);
    if (fault != FRAME_GOOD)
        return fault;

    // Ethernet may carry padding behind IP, and IP octets behind UDP: the least of all lengths
    // counts. A length that promises more than there is has lost its end.
    if (total > len - at || total < ip_len + UDP_LEN)
        return FRAME_RUNT;
    const uint8_t *udp = frame + at + ip_len;
    uint32_t udp_len = be16_get(udp + 4);
    if (udp_len > total - ip_len || udp_len < UDP_LEN)
        return FRAME_RUNT;

    *d = (struct datagram){
        .ip_at = (uint16_t)at,
        .udp_at = (uint16_t)(at + ip_len),
        .payload_at = (uint16_t)(at + ip_len + UDP_LEN),
        .payload_len = (uint16_t)(udp_len - UDP_LEN),
        .source_port = be16_get(udp),
        .destination_port = be16_get(udp + 2),
        .ip_version = ip_len == IPV4_LEN ? 4 : 6,
    };
    return FRAME_GOOD;
}

static bool is_group_v4(const uint8_t *a)
{
    uint32_t address = be32_get(a);
    return a[0] >> 4 == 14 || address == UINT32_MAX || address == 0;
}

static bool is_group_v6(const uint8_t *a)
{
    return a[0] == 0xff || (be64_get(a) | be64_get(a + 8)) == 0;
}

bool frame_is_group(const uint8_t *frame, const struct datagram *d)
{
    // The lowest bit of a MAC address's first octet says group, on either end.
    if (((frame[0] | frame[6]) & 1) != 0)
        return true;
    const uint8_t *ip = frame + d->ip_at;
    if (d->ip_version == 4)
        return is_group_v4(ip + 12) || is_group_v4(ip + 16);
    return is_group_v6(ip + 8) || is_group_v6(ip + 24);
}

const uint8_t *frame_destination(const uint8_t *frame, const struct datagram *d)
{
    return frame + d->ip_at + (d->ip_version == 4 ? 16 : 24);
}

bool frame_checksums_hold(const uint8_t *frame, const struct datagram *d)
{
    if (d->ip_version == 4) // RFC 768: a zero UDP checksum means that there is none
        return checksum_fold(checksum_add(0, frame + d->ip_at, IPV4_LEN)) == 0;
    return be16_get(frame + d->udp_at + 6) != 0; // RFC 8200, section 8.1
}

static void turn_round_ipv4(const uint8_t *from, uint8_t *to, uint32_t udp_len)
{
    to[0] = 0x45;
    to[1] = 0;
    be16_put(to + 2, (uint16_t)(IPV4_LEN + udp_len));
    be16_put(to + 4, 0); // RFC 6864: no id is needed where nothing is ever fragmented
    be16_put(to + 6, IPV4_DONT_FRAGMENT);
    to[8] = REPLY_TTL;
    to[9] = PROTOCOL_UDP;
    be16_put(to + 10, 0);
    memcpy(to + 12, from + 16, 4);
    memcpy(to + 16, from + 12, 4);
    be16_put(to + 10, checksum_fold(checksum_add(0, to, IPV4_LEN)));
}

static void turn_round_ipv6(const uint8_t *from, uint8_t *to, uint32_t udp_len)
{
    be32_put(to, UINT32_C(6) << 28);
    be16_put(to + 4, (uint16_t)udp_len);
    to[6] = PROTOCOL_UDP;
    to[7] = REPLY_TTL;
    memcpy(to + 8, from + 24, 16);
    memcpy(to + 24, from + 8, 16);
}

uint32_t frame_turn_round(const uint8_t *frame, const struct datagram *d, uint8_t *reply,
                          uint32_t len)
{
    memcpy(reply, frame + 6, 6);
    memcpy(reply + 6, frame, 6);
    memcpy(reply + 12, frame + 12, d->ip_at - 12u); // tags and EtherType

    uint32_t udp_len = UDP_LEN + len;
    uint8_t *ip = reply + d->ip_at;
    if (d->ip_version == 4)
        turn_round_ipv4(frame + d->ip_at, ip, udp_len);
    else
        turn_round_ipv6(frame + d->ip_at, ip, udp_len);

    uint8_t *udp = reply + d->udp_at;
    be16_put(udp, d->destination_port);
    be16_put(udp + 2, d->source_port);
    be16_put(udp + 4, (uint16_t)udp_len);
    be16_put(udp + 6, 0);

    // The pseudo-header: both addresses, protocol and length. RFC 768; RFC 8200, section 8.1.
    uint64_t sum = d->ip_version == 4 ? checksum_add(0, ip + 12, 8) : checksum_add(0, ip + 8, 32);
    sum += checksum_word(PROTOCOL_UDP) + checksum_word((uint16_t)udp_len);
    uint16_t checksum = checksum_fold(checksum_add(sum, udp, udp_len));
    be16_put(udp + 6, checksum == 0 ? UINT16_MAX : checksum); // zero would say: none
    return d->udp_at + udp_len;
}
