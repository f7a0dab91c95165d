// The XDP program: passes NTP requests by UDP to the server's ports at one of its addresses to the
// server, and leaves all other packets for the same addresses to the kernel: ARP, ND, ICMP, TCP
// 4460, SSH, replies to NTP clients on or behind this host. Packets of a queue without a socket
// (before start, after a crash) go to the kernel too.
//
// The kernel checks more than addresses before a socket gets a packet. The checks that need the
// maps are here: the frame is to the interface's MAC address, and its source is neither an address
// of this host nor the broadcast address of a local subnet. What fails them goes to the
// kernel. Sources that no host has are dropped by the core: dataplane/wire/source.h.
//
// Each frame for the server gets a stamp of its arrival time in front, where the device leaves room
// for it. So the arrival time is known even if the server polls the queue later.
//
// The maps contain unicast addresses only, so multicast and broadcast packets go to the kernel.
// While steer_port is 0 (as loaded), the program steers nothing. Runs in the kernel, on every
// packet of the interface.
//
// It is built three times. With STEER_READS_STAMPS it asks the device for its own stamp of the
// frame (Linux 6.3), and with STEER_READS_TAGS for the VLAN tag that it has taken off the frame
// (6.8). The kernel accepts these for a single device only. A driver that cannot tell says so.
#include "dataplane/port/xdp/steer.h"
#include "dataplane/port/xdp/own_stamp.bpf.h"
#include "dataplane/port/xdp/packet.bpf.h"
#include "dataplane/wire/ntp.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct steer_port);
} steer_port SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, STEER_V4_MAX);
    __type(key, struct in_addr);
    __type(value, __u8);
} steer_v4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, STEER_ADDRESSES_MAX);
    __type(key, struct in6_addr);
    __type(value, __u8);
} steer_v6 SEC(".maps");

// A call of memcmp is not possible here.
static __always_inline bool is_same_mac(const __u8 *a, const __u8 *b)
{
    __u8 difference = 0;
#pragma unroll
    for (int i = 0; i < ETH_ALEN; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

// Is it an NTP request to one of our ports, and the frame to our MAC address? Both headers
// are known to be within the packet; the UDP payload may be empty.
static __always_inline bool is_request(const struct ethhdr *ethernet, const struct udphdr *udp,
                                       const void *end)
{
    __u32 zero = 0;
    const struct steer_port *port = bpf_map_lookup_elem(&steer_port, &zero);
    if (!port || port->udp == 0)
        return false;
    if (udp->dest != port->udp && (udp->dest != port->nts || port->nts == 0))
        return false;
    const __u8 *first = (const void *)(udp + 1);
    if ((const void *)(first + 1) > end ||
        !ntp_is_request(ntp_version(*first), ntp_mode(*first), bpf_ntohs(udp->source)))
        return false;
    return is_same_mac(ethernet->h_dest, port->mac);
}

// Does this port serve the packet? `to` is the map's entry for its destination address, `from` the
// one for its source; NULL if the map has none.
static __always_inline bool is_served(const __u8 *to, const __u8 *from, bool tagged)
{
    return to && !from && (*to == STEER_OURS || (*to == STEER_OURS_TAGGED && tagged));
}

// Is the packet for the server?
static __always_inline bool is_ours(const struct xdp_md *packet)
{
    const void *end = (const void *)(long)packet->data_end;
    const struct ethhdr *ethernet = (const void *)(long)packet->data;
    const void *body;
    __be16 type;
    if (!open_ethernet(packet, &body, &type) || is_group(ethernet))
        return false;
    const bool tagged = is_vlan(ethernet->h_proto);
    if (type == bpf_htons(ETH_P_IP)) {
        const struct iphdr *ip = body;
        if (!is_udp_v4(ip, end))
            return false;
        return is_request(ethernet, (const void *)(ip + 1), end) &&
               is_served(bpf_map_lookup_elem(&steer_v4, &ip->daddr),
                         bpf_map_lookup_elem(&steer_v4, &ip->saddr), tagged);
    }
    if (type == bpf_htons(ETH_P_IPV6)) {
        const struct ipv6hdr *ip = body;
        if (!is_udp_v6(ip, end))
            return false;
        return is_request(ethernet, (const void *)(ip + 1), end) &&
               is_served(bpf_map_lookup_elem(&steer_v6, &ip->daddr),
                         bpf_map_lookup_elem(&steer_v6, &ip->saddr), tagged);
    }
    return false;
}

// Changes every pointer into the packet. Drivers may keep their stamp where this writes, so it is
// read before.
static __always_inline void put_stamp(struct xdp_md *packet, __u64 arrived_ns)
{
    const __u64 own_ns = own_stamp(packet, arrived_ns);
    if (bpf_xdp_adjust_meta(packet, -(int)sizeof(struct steer_stamp)) != 0)
        return;
    struct steer_stamp *stamp = (void *)(long)packet->data_meta;
    if ((const void *)(stamp + 1) > (const void *)(long)packet->data)
        return; // never happens; the verifier needs the check
    stamp->own_ns = own_ns;
    stamp->monotonic_ns = arrived_ns;
    stamp->magic = STEER_STAMP_MAGIC;
}

#ifdef STEER_READS_TAGS
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *packet, __be16 *protocol,
                                        __u16 *control) __ksym;

// Has the device taken a VLAN tag off the frame? Where it cannot tell, it returns an error.
static __always_inline bool lost_its_tag(const struct xdp_md *packet)
{
    __be16 protocol = 0;
    __u16 control = 0;
    return bpf_xdp_metadata_rx_vlan_tag(packet, &protocol, &control) == 0;
}
#else
static __always_inline bool lost_its_tag(const struct xdp_md *packet)
{
    (void)packet;
    return false;
}
#endif

SEC("xdp")
int noonmark_steer(struct xdp_md *packet)
{
    // Read first: when no packet has come for a while, the rest of the program and the maps are in
    // no cache, and parsing alone takes 0.3 us.
    const __u64 arrived_ns = bpf_ktime_get_ns();
    // A frame that has lost its tag would be answered without one, in another VLAN.
    if (!is_ours(packet) || lost_its_tag(packet))
        return XDP_PASS;
    put_stamp(packet, arrived_ns);
    return to_socket(packet);
}
