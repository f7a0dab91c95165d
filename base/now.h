// The monotonic clock: deadlines, timers and heartbeats use no other clock, so that a step of the
// system time does not change them. Any thread.
#pragma once

#include <stdint.h>
#include <time.h>

enum { NOW_NS_PER_MS = 1000000 };

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * NOW_NS_PER_MS + (uint64_t)t.tv_nsec;
}

static inline uint64_t now_ms(void)
{
    return now_ns() / NOW_NS_PER_MS;
}
