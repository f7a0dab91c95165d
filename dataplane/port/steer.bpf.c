// The XDP program: hands to the server what is UDP to its port at one of its addresses, and leaves
// all else to the kernel, at the same addresses: ARP, ND, ICMP, TCP 4460, SSH. A queue without a
// socket (before start, after a crash) leaves its packets to the kernel too.
//
// Accepts Ethernet with 0 to 2 VLAN tags, IPv4 without options and whole, IPv6 with UDP as its next
// header. The maps hold unicast addresses only, so multicast and broadcast stay with the kernel.
// Port 0 in steer_port (as loaded) steers nothing. Runs in the kernel, on every packet of the
// interface.
#include "dataplane/port/steer.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <stdbool.h>

const char licence[] SEC("license") = "Dual BSD/GPL";

// What happens to a packet that is ours when its queue has no socket. The tests change it before
// loading, to see the decision without a socket.
volatile const __u32 without_socket = XDP_PASS;

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, STEER_QUEUES_MAX);
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __be16);
} steer_port SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, STEER_ADDRESSES_MAX);
    __type(key, struct in_addr);
    __type(value, __u8);
} steer_v4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, STEER_ADDRESSES_MAX);
    __type(key, struct in6_addr);
    __type(value, __u8);
} steer_v6 SEC(".maps");

struct vlan_tag {
    __be16 control;
    __be16 type; // of what follows
};

static __always_inline bool is_vlan(__be16 type)
{
    return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

static __always_inline bool is_our_port(const struct udphdr *udp, const void *end)
{
    __u32 zero = 0;
    const __be16 *port = bpf_map_lookup_elem(&steer_port, &zero);
    return (const void *)(udp + 1) <= end && port && *port != 0 && udp->dest == *port;
}

static __always_inline bool is_ours_v4(const struct iphdr *ip, const void *end)
{
    enum { MORE_FRAGMENTS_OR_OFFSET = 0x3fff };
    if ((const void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5)
        return false;
    if (ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(MORE_FRAGMENTS_OR_OFFSET)) != 0)
        return false;
    return is_our_port((const struct udphdr *)(ip + 1), end) &&
           bpf_map_lookup_elem(&steer_v4, &ip->daddr);
}

static __always_inline bool is_ours_v6(const struct ipv6hdr *ip, const void *end)
{
    if ((const void *)(ip + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
        return false;
    return is_our_port((const struct udphdr *)(ip + 1), end) &&
           bpf_map_lookup_elem(&steer_v6, &ip->daddr);
}

static __always_inline bool is_ours(const struct xdp_md *packet)
{
    const void *end = (const void *)(long)packet->data_end;
    const struct ethhdr *ethernet = (const void *)(long)packet->data;
    if ((const void *)(ethernet + 1) > end || (ethernet->h_dest[0] & 1) != 0)
        return false; // a group's MAC address

    __be16 type = ethernet->h_proto;
    const struct vlan_tag *tag = (const void *)(ethernet + 1);
    if (is_vlan(type)) {
        if ((const void *)(tag + 1) > end)
            return false;
        type = tag->type;
        tag++;
    }
    if (is_vlan(type)) {
        if ((const void *)(tag + 1) > end)
            return false;
        type = tag->type;
        tag++;
    }

    if (type == bpf_htons(ETH_P_IP))
        return is_ours_v4((const void *)tag, end);
    if (type == bpf_htons(ETH_P_IPV6))
        return is_ours_v6((const void *)tag, end);
    return false;
}

SEC("xdp")
int noonmark_steer(struct xdp_md *packet)
{
    if (!is_ours(packet))
        return XDP_PASS;
    return (int)bpf_redirect_map(&xsks_map, packet->rx_queue_index, without_socket);
}
