// A histogram of durations like HDR's: log-linear from 1 ns to more than an hour; the width of a
// bucket is at most 1/64 of its lower limit. Recording takes a few instructions. Pure; a struct
// histogram belongs to one thread.
#pragma once

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 6, // 64 buckets for each doubling
    HISTOGRAM_TOP_BITS = 42,
    HISTOGRAM_BUCKETS = (HISTOGRAM_TOP_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS,
};

struct histogram {
    uint64_t n;
    uint64_t sum;
    uint64_t min; // exact; UINT64_MAX while empty
    uint64_t max; // exact; 0 while empty
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *h);

// The bucket of a value; values that are too large go into the last one.
static inline uint32_t histogram_bucket_of(uint64_t value)
{
    if (value >> HISTOGRAM_TOP_BITS)
        return HISTOGRAM_BUCKETS - 1;
    uint32_t high = 63 - (uint32_t)__builtin_clzll(value | 1);
    if (high < HISTOGRAM_SUB_BITS)
        return (uint32_t)value;
    uint32_t shift = high - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (uint32_t)(value >> shift);
}

// The largest value of a bucket.
uint64_t histogram_bucket_top(uint32_t bucket);

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    h->bucket[histogram_bucket_of(value)]++;
    h->n++;
    h->sum += value;
    if (value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from);

// The quantile of share (0 to 1): the smallest value that this share of the recorded values does
// not exceed, with the resolution of a bucket and never above max. 0 while empty.
uint64_t histogram_quantile(const struct histogram *h, double share);

double histogram_mean(const struct histogram *h);
