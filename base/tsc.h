// The time stamp counter: the one clock that control and dataplane read without a system call.
// Pure; any thread. Needs an invariant TSC (the supervisor warns when CPUID does not report one).
#pragma once

#include <stdint.h>
#include <x86intrin.h>

static inline uint64_t tsc_now(void)
{
    return __rdtsc();
}

// A reading that is taken after all that stands before it has been executed. For a clock that is
// read between two readings: the second one must not be early. The first one needs nothing that
// keeps it from being late, since the kernel's vDSO waits in the same way.
static inline uint64_t tsc_now_ordered(void)
{
    _mm_lfence();
    return tsc_now();
}

// Spins until the TSC reaches `until`; returns at once when `now`, the last reading, has reached
// it. Returns the last reading.
static inline uint64_t tsc_wait(uint64_t now, uint64_t until)
{
    while ((int64_t)(until - now) > 0) {
        _mm_pause();
        now = tsc_now();
    }
    return now;
}
