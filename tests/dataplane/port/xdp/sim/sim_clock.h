// A device's clock that the tests make: a function of CLOCK_MONOTONIC, whose parameters are in a
// map of the XDP program. The program stamps frames by it, the dataplane reads it, and a test sets,
// freezes and wraps it. The BPF program includes this too.
#pragma once

#include <linux/types.h>

#define SIM_CLOCK_MAP "sim_clock"

enum sim_clock_mode {
    SIM_CLOCK_OFF, // it stamps nothing, and cannot be read
    SIM_CLOCK_RUNS,
    SIM_CLOCK_FROZEN, // at offset
};

struct sim_clock {
    __u64 mode;
    __u64 offset; // ns
    __u64 base;   // CLOCK_MONOTONIC at which the rate began
    __s64 slope;  // its rate beyond that of CLOCK_MONOTONIC, times 2^32
};

// The clock's time at that time of CLOCK_MONOTONIC. The product fits for hours at 100 ppm.
static inline __attribute__((always_inline)) __u64 sim_clock_at(const struct sim_clock *clock,
                                                                __u64 t)
{
    if (clock->mode == SIM_CLOCK_FROZEN)
        return clock->offset;
    return clock->offset + t + (__u64)((__s64)(t - clock->base) * clock->slope >> 32);
}
