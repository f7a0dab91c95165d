// A set of packets of one burst: bit i is lane i. This one word replaces verdict enums and index
// lists: a stage takes a set and returns the part that passed, a count is a popcount.
// Pure; any thread.
#pragma once

#include <assert.h>
#include <stdint.h>

typedef uint64_t lane_set;

// A burst, a set and a crypto batch have the same number of lanes.
enum { LANES = 64 };
static_assert(LANES == 8 * sizeof(lane_set), "a set has one bit for each lane of a burst");

// The set of one lane.
static inline lane_set lane_bit(unsigned lane)
{
    return (lane_set)1 << lane;
}

// The set of the lanes 0 .. n-1; n is 0 to LANES.
static inline lane_set lane_first(unsigned n)
{
    return n == LANES ? ~(lane_set)0 : lane_bit(n) - 1;
}

// Removes the lowest lane from a set that is not empty and returns its number.
static inline unsigned lane_take(lane_set *set)
{
    unsigned lane = (unsigned)__builtin_ctzll(*set);
    *set &= *set - 1;
    return lane;
}

static inline unsigned lane_count(lane_set set)
{
    return (unsigned)__builtin_popcountll(set);
}

// The n lowest lanes of a set, or the whole set if it has fewer.
static inline lane_set lane_lowest(lane_set set, unsigned n)
{
    if (lane_count(set) <= n)
        return set;
    lane_set rest = set;
    while (n-- > 0)
        rest &= rest - 1;
    return set & ~rest;
}
