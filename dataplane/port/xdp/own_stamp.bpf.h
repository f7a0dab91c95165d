// The device's own stamp of a frame, as an XDP program sees it. The tests have another device in
// the place of this file.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#ifdef STEER_READS_STAMPS
extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *packet, __u64 *timestamp) __ksym;

// In ns of the device's clock; 0: it tells none. A veth's is 0, too. The program saw the frame at
// seen_ns of CLOCK_MONOTONIC.
static __always_inline __u64 own_stamp(const struct xdp_md *packet, __u64 seen_ns)
{
    (void)seen_ns;
    __u64 ns = 0;
    return bpf_xdp_metadata_rx_timestamp(packet, &ns) == 0 ? ns : 0;
}
#else
static __always_inline __u64 own_stamp(const struct xdp_md *packet, __u64 seen_ns)
{
    (void)seen_ns;
    (void)packet;
    return 0;
}
#endif
