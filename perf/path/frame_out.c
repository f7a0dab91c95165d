#include "perf/path/frame_out.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    IPV4_DONT_FRAGMENT = 0x4000,
    HOPS = 64,
    PROTOCOL_UDP = 17,
};

// IEEE 802.1Q: of two tags the outer one is a service tag, the inner one a customer tag.
static uint8_t put_ethernet(uint8_t *at, const struct frame_ends *ends)
{
    memcpy(at, ends->next_mac, 6);
    memcpy(at + 6, ends->mac, 6);
    at += 12;
    for (unsigned i = 0; i < ends->n_tags; i++, at += VLAN_LEN) {
        be16_put(at, i + 1 < ends->n_tags ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
        be16_put(at + 2, ends->tag[i]);
    }
    be16_put(at, ends->server.family == AF_INET ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    return (uint8_t)(ETHERNET_LEN + ends->n_tags * VLAN_LEN);
}

// Both functions write the constant parts and return the checksum of the constant addresses in the
// pseudo-header.
static uint64_t put_ipv4(struct frame_out *out, const struct frame_ends *ends)
{
    uint8_t *ip = out->headers + out->ip_at;
    ip[0] = 0x45;
    be16_put(ip + 6, IPV4_DONT_FRAGMENT);
    ip[8] = HOPS;
    ip[9] = PROTOCOL_UDP;
    address_put(&ends->server, ip + 16);
    out->ip_sum = checksum_add(0, ip, IPV4_LEN);
    return checksum_add(0, ip + 16, 4);
}

static uint64_t put_ipv6(struct frame_out *out, const struct frame_ends *ends)
{
    uint8_t *ip = out->headers + out->ip_at;
    ip[0] = 0x60;
    ip[6] = PROTOCOL_UDP;
    ip[7] = HOPS;
    be64_put(ip + 8, ends->high);
    address_put(&ends->server, ip + 24);
    return checksum_add(0, ip + 8, 32);
}

void frame_out_prepare(struct frame_out *out, const struct frame_ends *ends)
{
    bool v4 = ends->server.family == AF_INET;
    *out = (struct frame_out){.version = v4 ? 4 : 6};
    out->ip_at = put_ethernet(out->headers, ends);
    out->udp_at = (uint8_t)(out->ip_at + (v4 ? IPV4_LEN : IPV6_LEN));
    out->len = (uint8_t)(out->udp_at + UDP_LEN);
    out->udp_sum = v4 ? put_ipv4(out, ends) : put_ipv6(out, ends);
    be16_put(out->headers + out->udp_at + 2, ends->server_port);
    out->udp_sum += checksum_word(PROTOCOL_UDP) + checksum_word(ends->server_port);
}
