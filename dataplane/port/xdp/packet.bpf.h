// The parts of an XDP program: the sockets' map, and finding IP and UDP in a packet.
// Accepts Ethernet with 0 to 2 VLAN tags, IPv4 without options and whole, IPv6 with UDP as its next
// header.
#pragma once

#include "dataplane/port/xdp/steer.h"

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

// What happens to a packet for this server when its queue has no socket. The tests change it before
// loading, to see the decision without a socket.
volatile const __u32 without_socket = XDP_PASS;

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, STEER_QUEUES_MAX);
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

static __always_inline int to_socket(const struct xdp_md *packet)
{
    return (int)bpf_redirect_map(&xsks_map, packet->rx_queue_index, without_socket);
}

struct vlan_tag {
    __be16 control;
    __be16 type; // of the header that follows
};

static __always_inline bool is_vlan(__be16 type)
{
    return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

// Is the destination a group's MAC address? ethernet has been checked.
static __always_inline bool is_group(const struct ethhdr *ethernet)
{
    return (ethernet->h_dest[0] & 1) != 0;
}

// Finds the header behind Ethernet and its tags, and its type. False when the packet ends before
// it.
static __always_inline bool open_ethernet(const struct xdp_md *packet, const void **body,
                                          __be16 *type)
{
    const void *end = (const void *)(long)packet->data_end;
    const struct ethhdr *ethernet = (const void *)(long)packet->data;
    if ((const void *)(ethernet + 1) > end)
        return false;
    *type = ethernet->h_proto;
    const struct vlan_tag *tag = (const void *)(ethernet + 1);
    if (is_vlan(*type)) {
        if ((const void *)(tag + 1) > end)
            return false;
        *type = tag->type;
        tag++;
    }
    if (is_vlan(*type)) {
        if ((const void *)(tag + 1) > end)
            return false;
        *type = tag->type;
        tag++;
    }
    *body = tag;
    return true;
}

// Is it UDP of a kind that this server reads, with its header within the packet? The UDP header
// follows ip. (The result is not a pointer or NULL: without CAP_PERFMON the verifier allows no
// comparison of pointers.)
static __always_inline bool is_udp_v4(const struct iphdr *ip, const void *end)
{
    enum { MORE_FRAGMENTS_OR_OFFSET = 0x3fff };
    if ((const void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5)
        return false;
    if (ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(MORE_FRAGMENTS_OR_OFFSET)) != 0)
        return false;
    const struct udphdr *udp = (const void *)(ip + 1);
    return (const void *)(udp + 1) <= end;
}

static __always_inline bool is_udp_v6(const struct ipv6hdr *ip, const void *end)
{
    if ((const void *)(ip + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
        return false;
    const struct udphdr *udp = (const void *)(ip + 1);
    return (const void *)(udp + 1) <= end;
}
