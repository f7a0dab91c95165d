// The stamp of the simulated clock, in place of a device's.
#pragma once

#include "tests/dataplane/port/xdp/sim/sim_clock.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct sim_clock);
} sim_clock SEC(".maps");

static __always_inline __u64 own_stamp(const struct xdp_md *packet, __u64 seen_ns)
{
    __u32 zero = 0;
    const struct sim_clock *clock = bpf_map_lookup_elem(&sim_clock, &zero);
    (void)packet;
    if (!clock || clock->mode == SIM_CLOCK_OFF)
        return 0;
    return sim_clock_at(clock, seen_ns);
}
