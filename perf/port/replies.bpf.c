// The tester's XDP program: it passes to the tester the server's replies to its addresses and
// ports, and, if the kernel does not have those addresses, the ARP and ND messages for them. The
// kernel gets all other packets, including those of the host's own NTP client. Packets of a
// queue without a socket (before the start, after a crash) also go to the kernel.
// With the rule as loaded it takes no packet. Runs in the kernel, on every packet of the interface.
// RFC 826, RFC 4861.
#include "perf/port/replies.h"

#include "dataplane/port/xdp/packet.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct replies_rule);
} replies_rule SEC(".maps");

// ARP for IPv4 over Ethernet, in the layout of the packet.
struct arp {
    __be16 hardware;
    __be16 protocol;
    __u8 hardware_len;
    __u8 protocol_len;
    __be16 operation;
    __u8 sender_mac[6];
    __u8 sender[4];
    __u8 target_mac[6];
    __u8 target[4];
};

// A neighbour solicitation or advertisement without its options.
struct neighbour {
    __u8 type;
    __u8 code;
    __be16 checksum;
    __be32 flags;
    struct in6_addr target;
};

// The barriers prevent the compiler from merging the loads of several ranges into one load from
// a computed address in the map, which the verifier permits only with CAP_PERFMON.
static __always_inline bool in_range(const struct replies_range *range, __u64 high, __u64 low)
{
    __u64 range_high = range->high;
    __u64 first = range->first;
    __u64 n = range->n;
    barrier_var(range_high);
    barrier_var(first);
    barrier_var(n);
    return high == range_high && low - first < n;
}

static __always_inline bool in_range_v4(const struct replies_range *range, __be32 address)
{
    return in_range(range, 0, bpf_ntohl(address));
}

static __always_inline bool in_range_v6(const struct replies_range *range,
                                        const struct in6_addr *address)
{
    const __be32 *word = address->in6_u.u6_addr32;
    return in_range(range, (__u64)bpf_ntohl(word[0]) << 32 | bpf_ntohl(word[1]),
                    (__u64)bpf_ntohl(word[2]) << 32 | bpf_ntohl(word[3]));
}

// Whether its header lies within the packet.
static __always_inline bool are_ports(const struct replies_rule *rule, const struct udphdr *udp)
{
    return bpf_ntohs(udp->source) == rule->server_port &&
           (__u16)(bpf_ntohs(udp->dest) - rule->first_port) < rule->n_ports;
}

static __always_inline bool is_ours_v4(const struct replies_rule *rule, const struct iphdr *ip,
                                       const void *end)
{
    return is_udp_v4(ip, end) && are_ports(rule, (const void *)(ip + 1)) &&
           in_range_v4(&rule->server, ip->saddr) &&
           (in_range_v4(&rule->source, ip->daddr) || in_range_v4(&rule->spoofed, ip->daddr));
}

static __always_inline bool is_ours_v6(const struct replies_rule *rule, const struct ipv6hdr *ip,
                                       const void *end)
{
    return is_udp_v6(ip, end) && are_ports(rule, (const void *)(ip + 1)) &&
           in_range_v6(&rule->server, &ip->saddr) &&
           (in_range_v6(&rule->source, &ip->daddr) || in_range_v6(&rule->spoofed, &ip->daddr));
}

static __always_inline bool is_arp_for_us(const struct replies_rule *rule, const struct arp *arp,
                                          const void *end)
{
    if ((const void *)(arp + 1) > end || arp->hardware_len != 6 || arp->protocol_len != 4)
        return false;
    __be32 target;
    __builtin_memcpy(&target, arp->target, sizeof target);
    return in_range_v4(&rule->source, target);
}

static __always_inline bool is_nd_for_us(const struct replies_rule *rule, const struct ipv6hdr *ip,
                                         const void *end)
{
    enum { SOLICITATION = 135, ADVERTISEMENT = 136 };
    const struct neighbour *neighbour = (const void *)(ip + 1);
    if ((const void *)(neighbour + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_ICMPV6)
        return false;
    if (neighbour->type == SOLICITATION)
        return in_range_v6(&rule->source, &neighbour->target);
    return neighbour->type == ADVERTISEMENT && in_range_v6(&rule->source, &ip->daddr);
}

static __always_inline bool is_ours(const struct xdp_md *packet)
{
    const void *end = (const void *)(long)packet->data_end;
    __u32 zero = 0;
    const void *body;
    __be16 type;
    const struct replies_rule *rule = bpf_map_lookup_elem(&replies_rule, &zero);
    if (!rule || !open_ethernet(packet, &body, &type))
        return false;
    bool group = is_group((const void *)(long)packet->data);
    if (rule->version == 4 && type == bpf_htons(ETH_P_IP))
        return !group && is_ours_v4(rule, body, end);
    if (rule->version == 6 && type == bpf_htons(ETH_P_IPV6))
        return (!group && is_ours_v6(rule, body, end)) ||
               (rule->answers && is_nd_for_us(rule, body, end));
    if (rule->version == 4 && type == bpf_htons(ETH_P_ARP))
        return rule->answers && is_arp_for_us(rule, body, end);
    return false;
}

SEC("xdp")
int noonmark_reply(struct xdp_md *packet)
{
    return is_ours(packet) ? to_socket(packet) : XDP_PASS;
}
