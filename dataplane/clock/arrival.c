// Combining the two lines into one.
#include "dataplane/clock/arrival.h"

#include "dataplane/clock/clock.h"

#include <math.h>

// 2^-n as a double.
#define POWER(n) (1.0 / (double)(UINT64_C(1) << (n)))

static uint32_t whole_ns(double ns)
{
    return ns < UINT32_MAX - 1 ? (uint32_t)ns + 1 : UINT32_MAX;
}

struct arrival_clock arrival_clock_at(const struct stamp_line *line, const struct clock_line *utc,
                                      uint64_t polled)
{
    struct arrival_clock clock = {.utc = clock_utc(utc, polled)};
    if (line->rate == 0 || (int64_t)(line->until - polled) <= 0)
        return clock;
    double ticks_per_ns = (double)line->rate * POWER(STAMP_RATE_SHIFT);
    double ns_per_tick = 1 / ticks_per_ns;
    double units_per_ns = ticks_per_ns * (double)utc->rate * POWER(CLOCK_RATE_SHIFT);
    double since = (double)(int64_t)(polled - line->tsc_base) * ns_per_tick;
    double error_ns = line->bound_ns + fabs(since) * line->growth_ppb / NS_PER_S;
    clock.now = line->stamp_base + (uint64_t)(int64_t)since;
    clock.rate = (uint64_t)(units_per_ns * (double)(1 << ARRIVAL_RATE_SHIFT));
    clock.error_ns = whole_ns(error_ns);
    clock.growth_ppb = line->growth_ppb;
    clock.ticks_per_ns = ticks_per_ns;
    clock.slack = clock.error_ns + (uint64_t)ARRIVAL_SLACK_NS;
    clock.oldest = (uint64_t)ARRIVAL_AGE_MAX_S * NS_PER_S + clock.slack;
    return clock;
}

uint32_t arrival_error_ns(const struct arrival_clock *clock, uint64_t stamp)
{
    double age = fmin(fabs((double)(int64_t)(clock->now - stamp)), (double)clock->oldest);
    return whole_ns(clock->error_ns + age * clock->growth_ppb / NS_PER_S);
}
