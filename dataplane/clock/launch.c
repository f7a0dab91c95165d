#include "dataplane/clock/launch.h"

#include "base/ntp_time.h"

#include <math.h>

static double ticks_per_ns(const struct stamp_line *line)
{
    return (double)line->rate / (double)(UINT64_C(1) << STAMP_RATE_SHIFT);
}

static double since_ns(const struct stamp_line *line, uint64_t tsc)
{
    return (double)(int64_t)(tsc - line->tsc_base) / ticks_per_ns(line);
}

double launch_error_ns(const struct stamp_line *line, uint64_t tsc)
{
    return line->bound_ns + fabs(since_ns(line, tsc)) * line->growth_ppb / NS_PER_S;
}

uint64_t launch_at(const struct stamp_line *line, uint64_t tsc)
{
    if (line->rate == 0 || (int64_t)(line->until - tsc) <= 0)
        return 0;
    return line->stamp_base +
           (uint64_t)(int64_t)ceil(since_ns(line, tsc) + launch_error_ns(line, tsc));
}

uint64_t launch_left(const struct stamp_line *line, uint64_t reading)
{
    const double ns = (double)(int64_t)(reading - line->stamp_base);
    return line->tsc_base + (uint64_t)(int64_t)floor(ns * ticks_per_ns(line));
}
