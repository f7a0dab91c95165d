// The XDP program: passes UDP packets for the server's port at one of its addresses to the server,
// and leaves all other packets for the same addresses to the kernel: ARP, ND, ICMP, TCP 4460, SSH.
// Packets of a queue without a socket (before start, after a crash) go to the kernel too.
//
// Each frame for the server gets a stamp of its arrival time in front, where the device leaves room
// for it. So the arrival time is known even if the server polls the queue later.
//
// The maps contain unicast addresses only, so multicast and broadcast packets go to the kernel.
// While steer_port is 0 (as loaded), the program steers nothing. Runs in the kernel, on every
// packet of the interface.
#include "dataplane/port/xdp/steer.h"
#include "dataplane/port/xdp/packet.bpf.h"

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

// udp is within the packet.
static __always_inline bool is_our_port(const struct udphdr *udp)
{
    __u32 zero = 0;
    const __be16 *port = bpf_map_lookup_elem(&steer_port, &zero);
    return port && *port != 0 && udp->dest == *port;
}

// Is the packet for the server? Then *arrived_ns is set. The clock is read as soon as the packet is
// known to be UDP, because a lookup in the maps takes a microsecond when no packet has come for a
// while.
static __always_inline bool is_ours(const struct xdp_md *packet, __u64 *arrived_ns)
{
    const void *end = (const void *)(long)packet->data_end;
    const void *body;
    __be16 type;
    if (!open_ethernet(packet, &body, &type) || is_group((const void *)(long)packet->data))
        return false;
    if (type == bpf_htons(ETH_P_IP)) {
        const struct iphdr *ip = body;
        if (!is_udp_v4(ip, end))
            return false;
        *arrived_ns = bpf_ktime_get_ns();
        return is_our_port((const void *)(ip + 1)) && bpf_map_lookup_elem(&steer_v4, &ip->daddr);
    }
    if (type == bpf_htons(ETH_P_IPV6)) {
        const struct ipv6hdr *ip = body;
        if (!is_udp_v6(ip, end))
            return false;
        *arrived_ns = bpf_ktime_get_ns();
        return is_our_port((const void *)(ip + 1)) && bpf_map_lookup_elem(&steer_v6, &ip->daddr);
    }
    return false;
}

// Changes every pointer into the packet.
static __always_inline void put_stamp(struct xdp_md *packet, __u64 arrived_ns)
{
    if (bpf_xdp_adjust_meta(packet, -(int)sizeof(struct steer_stamp)) != 0)
        return;
    struct steer_stamp *stamp = (void *)(long)packet->data_meta;
    if ((const void *)(stamp + 1) > (const void *)(long)packet->data)
        return; // never happens; the verifier needs the check
    stamp->monotonic_ns = arrived_ns;
    stamp->magic = STEER_STAMP_MAGIC;
}

SEC("xdp")
int noonmark_steer(struct xdp_md *packet)
{
    __u64 arrived_ns;
    if (!is_ours(packet, &arrived_ns))
        return XDP_PASS;
    put_stamp(packet, arrived_ns);
    return to_socket(packet);
}
