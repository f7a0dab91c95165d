#include "dataplane/port/socket/headers.h"

#include "base/bytes.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/frame.h"

#include <assert.h>
#include <string.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    PROTOCOL_UDP = 17,
    // The kernel has checked the UDP checksum. Over IPv4, 0 says that there is none; over IPv6
    // there must be one, and parse looks no further than that.
    CHECKED_V4 = 0,
    CHECKED_V6 = 0xffff,
};
static_assert((int)HEADERS_MAX == ETHERNET_LEN + IPV6_LEN + UDP_LEN, "the longest headers");

unsigned headers_len(unsigned ip_version)
{
    return ETHERNET_LEN + (ip_version == 4 ? IPV4_LEN : IPV6_LEN) + UDP_LEN;
}

static void write_ipv4(uint8_t *ip, const struct headers *headers, uint32_t udp_len)
{
    ip[0] = 0x45;
    be16_put(ip + 2, (uint16_t)(IPV4_LEN + udp_len));
    ip[8] = REPLY_TTL;
    ip[9] = PROTOCOL_UDP;
    memcpy(ip + 12, headers->source, 4);
    memcpy(ip + 16, headers->destination, 4);
    const uint16_t checksum = checksum_fold(checksum_add(0, ip, IPV4_LEN));
    be16_put(ip + 10, checksum);
}

static void write_ipv6(uint8_t *ip, const struct headers *headers, uint32_t udp_len)
{
    ip[0] = 6 << 4;
    be16_put(ip + 4, (uint16_t)udp_len);
    ip[6] = PROTOCOL_UDP;
    ip[7] = REPLY_TTL;
    memcpy(ip + 8, headers->source, 16);
    memcpy(ip + 24, headers->destination, 16);
}

void headers_write(uint8_t *frame, const struct headers *headers, uint32_t payload_len)
{
    const bool v4 = headers->ip_version == 4;
    const uint32_t udp_len = UDP_LEN + payload_len;
    uint8_t *ip = frame + ETHERNET_LEN;
    memset(frame, 0, headers_len(headers->ip_version));
    be16_put(frame + ETHERNET_LEN - 2, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    if (v4)
        write_ipv4(ip, headers, udp_len);
    else
        write_ipv6(ip, headers, udp_len);
    uint8_t *udp = ip + (v4 ? IPV4_LEN : IPV6_LEN);
    be16_put(udp, headers->source_port);
    be16_put(udp + 2, headers->destination_port);
    be16_put(udp + 4, (uint16_t)udp_len);
    be16_put(udp + 6, v4 ? CHECKED_V4 : CHECKED_V6);
}
