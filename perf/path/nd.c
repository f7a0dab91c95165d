#include "perf/path/nd.h"

#include "base/bytes.h"
#include "dataplane/wire/checksum.h"

#include <string.h>

enum {
    PROTOCOL_ICMPV6 = 58,
    HOP_LIMIT = 255, // section 7.1: proves that the sender is on this link
    ICMP_AT = IPV6_LEN,
    OPTIONS_AT = IPV6_LEN + 24,
    OPTION_SOURCE = 1,
    OPTION_TARGET = 2,
};

// RFC 4443, section 2.3: over the pseudo-header and the message.
static uint16_t icmp_checksum(const uint8_t *ip, uint32_t icmp_len)
{
    uint64_t sum = checksum_add(0, ip + 8, 32) + checksum_word(PROTOCOL_ICMPV6) +
                   checksum_word((uint16_t)icmp_len);
    return checksum_fold(checksum_add(sum, ip + ICMP_AT, icmp_len));
}

static bool is_group(const struct address *address)
{
    return address->high >> 56 == 0xff;
}

static bool is_unspecified(const struct address *address)
{
    return (address->high | address->low) == 0;
}

// Section 4.6: an option's length is in units of 8 octets and is never 0.
static bool read_options(const uint8_t *at, uint32_t len, struct nd *nd)
{
    uint8_t wanted = nd->type == ND_SOLICITATION ? OPTION_SOURCE : OPTION_TARGET;
    nd->has_mac = false;
    while (len > 0) {
        if (len < 8 || at[1] == 0 || at[1] * 8u > len)
            return false;
        if (at[0] == wanted && at[1] == 1) {
            nd->has_mac = true;
            memcpy(nd->mac, at + 2, 6);
        }
        len -= at[1] * 8u;
        at += at[1] * 8u;
    }
    return true;
}

static bool is_valid_solicitation(const struct nd *nd)
{
    if (!is_unspecified(&nd->source))
        return true;
    // "If the IP source address is the unspecified address, the IP destination address is a
    // solicited-node multicast address" and "there is no source link-layer address option".
    struct address group = nd_solicited_group(&nd->target);
    return address_equal(&nd->destination, &group) && !nd->has_mac;
}

static bool is_valid_advertisement(const struct nd *nd)
{
    // "If the IP Destination Address is a multicast address the Solicited flag is zero."
    return !is_group(&nd->destination) || (nd->flags & ND_SOLICITED) == 0;
}

bool nd_read(const uint8_t *ip, uint32_t len, struct nd *nd)
{
    if (len < OPTIONS_AT || ip[0] >> 4 != 6 || ip[6] != PROTOCOL_ICMPV6)
        return false;
    uint32_t icmp_len = be16_get(ip + 4);
    const uint8_t *icmp = ip + ICMP_AT;
    if (icmp_len > len - IPV6_LEN || icmp_len < OPTIONS_AT - IPV6_LEN)
        return false;
    if (icmp[0] != ND_SOLICITATION && icmp[0] != ND_ADVERTISEMENT)
        return false;
    if (ip[7] != HOP_LIMIT || icmp[1] != 0 || icmp_checksum(ip, icmp_len) != 0)
        return false;
    *nd = (struct nd){
        .type = icmp[0],
        .flags = be32_get(icmp + 4),
        .source = address_of(AF_INET6, ip + 8),
        .destination = address_of(AF_INET6, ip + 24),
        .target = address_of(AF_INET6, icmp + 8),
    };
    if (is_group(&nd->target) ||
        !read_options(ip + OPTIONS_AT, icmp_len - (OPTIONS_AT - IPV6_LEN), nd))
        return false;
    return nd->type == ND_SOLICITATION ? is_valid_solicitation(nd) : is_valid_advertisement(nd);
}

void nd_write(const struct nd *nd, uint8_t ip[ND_LEN])
{
    enum { ICMP_LEN = ND_LEN - IPV6_LEN };
    memset(ip, 0, ND_LEN);
    ip[0] = 0x60;
    be16_put(ip + 4, ICMP_LEN);
    ip[6] = PROTOCOL_ICMPV6;
    ip[7] = HOP_LIMIT;
    address_put(&nd->source, ip + 8);
    address_put(&nd->destination, ip + 24);
    ip[ICMP_AT] = nd->type;
    be32_put(ip + ICMP_AT + 4, nd->flags);
    address_put(&nd->target, ip + ICMP_AT + 8);
    ip[OPTIONS_AT] = nd->type == ND_SOLICITATION ? OPTION_SOURCE : OPTION_TARGET;
    ip[OPTIONS_AT + 1] = 1;
    memcpy(ip + OPTIONS_AT + 2, nd->mac, 6);
    be16_put(ip + ICMP_AT + 2, icmp_checksum(ip, ICMP_LEN));
}

struct address nd_solicited_group(const struct address *address)
{
    return (struct address){
        .family = AF_INET6,
        .high = UINT64_C(0xff02) << 48,
        .low = UINT64_C(0x1ff000000) | (address->low & 0xffffff),
    };
}

void nd_group_mac(const struct address *group, uint8_t mac[6])
{
    mac[0] = mac[1] = 0x33; // RFC 2464, section 7
    be32_put(mac + 2, (uint32_t)group->low);
}
