// See lab_clock.h. The linker puts this in the place of `clock_gettime` (--wrap).
#include "tests/perf/load/lab_clock.h"

#include <time.h>

enum { SECOND_NS = 1000000000, LOOK_NS = 500, UTC_AHEAD_S = 1700000000 };

static uint64_t passed_ns = SECOND_NS;

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    passed_ns += LOOK_NS; // a loop that waits for a time goes on
    *out = (struct timespec){(time_t)(passed_ns / SECOND_NS), (long)(passed_ns % SECOND_NS)};
    out->tv_sec += clock == CLOCK_REALTIME ? UTC_AHEAD_S : 0;
    return 0;
}

void lab_clock_wait(uint64_t ns)
{
    passed_ns += ns;
}
