// The time stamp counter: the one clock that both halves read without a system call.
// Pure; any thread. Needs an invariant TSC (the supervisor warns where CPUID does not promise one).
#pragma once

#include <stdint.h>
#include <x86intrin.h>

static inline uint64_t tsc_now(void)
{
    return __rdtsc();
}

// Spins until that reading has come; not at all when it has by `now`, the last reading. The reading
// then.
static inline uint64_t tsc_wait(uint64_t now, uint64_t until)
{
    while ((int64_t)(until - now) > 0) {
        _mm_pause();
        now = tsc_now();
    }
    return now;
}
