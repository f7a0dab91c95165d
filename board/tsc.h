// The time stamp counter: the one clock that both halves read without a system call.
// Pure; any thread. Needs an invariant TSC (the supervisor warns where CPUID does not promise one).
#pragma once

#include <stdint.h>
#include <x86intrin.h>

static inline uint64_t tsc_now(void)
{
    return __rdtsc();
}
