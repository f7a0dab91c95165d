// CLOCK_REALTIME as nanoseconds since 1970, for the comparison with a server's timestamps;
// everything else is measured with base/now.h. Any thread.
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t utc_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
