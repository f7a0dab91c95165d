// Reading frames. RFC 791, RFC 8200, RFC 768, IEEE 802.1Q.
#include "dataplane/wire/frame.h"

#include "base/bytes.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/source.h"

#include <string.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    IPV4_DONT_FRAGMENT = 0x4000, // the only bit of this word that an unfragmented datagram may set
    IPV4_RESERVED = 0x8000,
    PROTOCOL_UDP = 17,
};

// IPv6's extension headers (IANA registry), without the fragment header.
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

    // Ethernet may have padding after IP, and IP may have octets after UDP: the smallest length
    // counts. A length that exceeds the octets that are there makes a runt.
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
    return address >> 28 == 14 || address == UINT32_MAX || address == 0;
}

static bool is_group_v6(const uint8_t *a)
{
    return a[0] == 0xff || (be64_get(a) | be64_get(a + 8)) == 0;
}

bool frame_is_group(const uint8_t *frame, const struct datagram *d)
{
    // The lowest bit of a MAC address's first octet means a group address; source and destination
    // are checked.
    if (((frame[0] | frame[6]) & 1) != 0)
        return true;
    const uint8_t *ip = frame + d->ip_at;
    if (d->ip_version == 4)
        return is_group_v4(ip + 12) || is_group_v4(ip + 16);
    return is_group_v6(ip + 8) || is_group_v6(ip + 24);
}

// Each word of the headers is read and compared once, instead of one branch for each field.
bool frame_open_usual(const uint8_t *frame, uint32_t len, uint16_t udp_port, struct datagram *d)
{
    enum { IP_AT = ETHERNET_LEN, UDP_AT = IP_AT + IPV4_LEN, PAYLOAD_AT = UDP_AT + UDP_LEN };
    enum {
        TYPE_VERSION = ETHERTYPE_IPV4 << 8 | 0x45, // and the header's length
        FRAGMENT_PROTOCOL = 0x3fff00ff, // all of both words but DF, the reserved bit and TTL
    };

    if (len < PAYLOAD_AT)
        return false;
    const uint8_t *ip = frame + IP_AT;
    const uint8_t *udp = frame + UDP_AT;
    uint32_t total = be16_get(ip + 2);
    uint32_t udp_len = be16_get(udp + 4);
    uint16_t source_port = be16_get(udp);
    if (be32_get(frame + 12) >> 8 != TYPE_VERSION || be16_get(udp + 2) != udp_port ||
        (be32_get(ip + 6) & FRAGMENT_PROTOCOL) != PROTOCOL_UDP || total > len - IP_AT ||
        total < IPV4_LEN + UDP_LEN || udp_len > total - IPV4_LEN || udp_len < UDP_LEN ||
        source_port == 0)
        return false;
    if (((frame[0] | frame[6]) & 1) != 0 || !source_is_possible_v4(ip + 12) ||
        is_group_v4(ip + 16) || checksum_fold(checksum_add(0, ip, IPV4_LEN)) != 0)
        return false;

    *d = (struct datagram){
        .ip_at = IP_AT,
        .udp_at = UDP_AT,
        .payload_at = PAYLOAD_AT,
        .payload_len = (uint16_t)(udp_len - UDP_LEN),
        .source_port = source_port,
        .destination_port = udp_port,
        .ip_version = 4,
    };
    return true;
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

// Source and destination, which are side by side, exchanged: the word rotated by half.
static uint64_t exchanged(uint64_t pair)
{
    return pair << 32 | pair >> 32;
}

// The headers are written in whole words, and summed from the numbers that they are made of: a word
// load of octets that have just been stored one by one would have to wait.

// Returns the sum of both addresses.
static uint64_t turn_round_ipv4(const uint8_t *from, uint8_t *to, uint32_t udp_len)
{
    enum {
        VERSION = 0x4500, // and the header's length, and the type of service
        TTL = REPLY_TTL << 8 | PROTOCOL_UDP,
    };
    uint64_t addresses;
    memcpy(&addresses, from + 12, sizeof addresses);
    addresses = exchanged(addresses);
    uint64_t address_sum = (addresses & UINT32_MAX) + (addresses >> 32);
    uint16_t len = (uint16_t)(IPV4_LEN + udp_len);
    uint64_t sum = address_sum + checksum_word(VERSION) + checksum_word(len) +
                   checksum_word(IPV4_DONT_FRAGMENT) + checksum_word(TTL);

    be32_put(to, (uint32_t)VERSION << 16 | len);
    be32_put(to + 4, IPV4_DONT_FRAGMENT); // RFC 6864: no id is needed without fragmentation
    be32_put(to + 8, (uint32_t)TTL << 16 | checksum_fold(sum));
    memcpy(to + 12, &addresses, 8);
    return address_sum;
}

static uint64_t turn_round_ipv6(const uint8_t *from, uint8_t *to, uint32_t udp_len)
{
    be32_put(to, UINT32_C(6) << 28);
    be32_put(to + 4, udp_len << 16 | PROTOCOL_UDP << 8 | REPLY_TTL);
    memcpy(to + 8, from + 24, 16);
    memcpy(to + 24, from + 8, 16);
    return checksum_add(0, from + 8, 32);
}

uint32_t frame_turn_round(const uint8_t *frame, const struct datagram *d, uint8_t *reply,
                          uint32_t len)
{
    // Copied in words: each word overwrites the surplus octets of the word before it. The addresses
    // are exchanged, then tags and EtherType are copied, with the largest possible length.
    memcpy(reply, frame + 6, 8);
    memcpy(reply + 6, frame, 8);
    memcpy(reply + 12, frame + 12, VLAN_TAGS_MAX * VLAN_LEN + 2);

    uint32_t udp_len = UDP_LEN + len;
    const uint8_t *from = frame + d->ip_at;
    uint8_t *to = reply + d->ip_at;
    // The pseudo-header: both addresses, protocol and length. RFC 768; RFC 8200, section 8.1.
    uint64_t sum = d->ip_version == 4 ? turn_round_ipv4(from, to, udp_len)
                                      : turn_round_ipv6(from, to, udp_len);
    uint32_t ports;
    memcpy(&ports, frame + d->udp_at, sizeof ports);
    ports = ports << 16 | ports >> 16;
    sum += checksum_word(PROTOCOL_UDP) + 2 * checksum_word((uint16_t)udp_len) + ports;

    uint8_t *udp = reply + d->udp_at;
    uint16_t checksum = checksum_fold(checksum_add(sum, udp + UDP_LEN, len));
    memcpy(udp, &ports, sizeof ports);
    be32_put(udp + 4,
             udp_len << 16 | (checksum == 0 ? UINT16_MAX : checksum)); // 0 would mean: no checksum
    return d->udp_at + udp_len;
}
