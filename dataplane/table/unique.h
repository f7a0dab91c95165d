// How many different clients there are, without a list of them: HyperLogLog (Flajolet et al. 2007),
// with the estimator of Ertl (2017), which is right for few and for many. Each core has registers
// of its own; the maximum of all cores' registers is what one core with all packets would have.
// 2^14 registers are off by 0.8 % (standard error). Pure.
//
// Time is divided into windows, which housekeeping numbers. A core counts in the window that it has
// seen last, in one half of its registers; the other half keeps the window before, until
// housekeeping has taken it.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    UNIQUE_BITS = 14,
    UNIQUE_REGISTERS = 1 << UNIQUE_BITS,
    UNIQUE_RANK_MAX = 64 - UNIQUE_BITS + 1,
};

// A random key. A sender who does not know it cannot choose addresses that make the estimate too
// high or too low.
struct unique_key {
    uint64_t first, second;
};

// What all cores share.
struct unique_windows {
    struct unique_key key; // constant once the cores run
    // The present one, from 1. Writer: housekeeping; readers: cores.
    _Alignas(64) _Atomic uint32_t window;
};

// The registers of one core. Writer: that core; reader: housekeeping. At first zero but for
// windows, which outlives it.
struct unique_counter {
    _Alignas(64) const struct unique_windows *windows;
    uint32_t window; // that it counts in; used by the core alone
    struct unique_half {
        _Atomic uint32_t window; // whose registers these are
        _Atomic uint8_t rank[UNIQUE_REGISTERS];
    } half[2];
};

// The core's side.

// Begins an empty half, if there is a new window. The other one is then the window's before, or
// older.
void unique_begin(struct unique_counter *counter, uint32_t window);

static inline void unique_follow(struct unique_counter *counter)
{
    const uint32_t now = atomic_load_explicit(&counter->windows->window, memory_order_relaxed);
    if (__builtin_expect(now != counter->window, false))
        unique_begin(counter, now);
}

// A client's number as random bits, of which the highest are the best: equal for equal numbers.
static inline uint64_t unique_hash(struct unique_key key, uint64_t client)
{
    uint64_t v = (client ^ key.first) * UINT64_C(0xff51afd7ed558ccd);
    return (v ^ v >> 32 ^ key.second) * UINT64_C(0xc4ceb9fe1a85ec53);
}

// Counts a client. The register that the first bits choose keeps the highest rank: how many zeros
// follow them, and one more.
static inline void unique_count(struct unique_half *half, uint64_t hash)
{
    _Atomic uint8_t *at = &half->rank[hash >> (64 - UNIQUE_BITS)];
    const uint64_t rest = hash << UNIQUE_BITS | UINT64_C(1) << (UNIQUE_BITS - 1);
    const unsigned rank = (unsigned)__builtin_clzll(rest) + 1;
    if (rank > atomic_load_explicit(at, memory_order_relaxed))
        atomic_store_explicit(at, (uint8_t)rank, memory_order_relaxed);
}

static inline struct unique_half *unique_half(struct unique_counter *counter)
{
    return &counter->half[counter->window & 1];
}

// Housekeeping's side.

// Adds what a core has counted in that window, the one before the present one: the maximum,
// register by register. Nothing, if it has counted nothing in it.
void unique_take(const struct unique_counter *counter, uint32_t window,
                 uint8_t rank[UNIQUE_REGISTERS]);

// The maximum of both.
void unique_merge(uint8_t into[UNIQUE_REGISTERS], const uint8_t from[UNIQUE_REGISTERS]);

// How many clients have left these registers.
uint64_t unique_estimate(const uint8_t rank[UNIQUE_REGISTERS]);
