#include "dataplane/clock/departed.h"

#include "dataplane/clock/clock.h"

#include <math.h>
#include <stdbool.h>

// A line is void after a second, and a stamp that has not come after some milliseconds is lost.
#define SINCE_MAX_NS 2e9

// The least reading of the TSC at which the device's clock can have been at that stamp, but not
// before the frame was sent. False: the stamp is refused.
static bool tsc_of_stamp(const struct stamp_line *line, const struct port_departure *departure,
                         uint64_t *tsc)
{
    if (line->rate == 0 || (int64_t)(line->until - departure->tsc) <= 0)
        return false;
    const double ticks_per_ns = ldexp((double)line->rate, -STAMP_RATE_SHIFT);
    const double since_ns = (double)(int64_t)(departure->stamp - line->stamp_base);
    if (fabs(since_ns) > SINCE_MAX_NS)
        return false;
    const double error_ns = line->bound_ns + fabs(since_ns) * line->growth_ppb / NS_PER_S;
    const uint64_t error = (uint64_t)(error_ns * ticks_per_ns) + 1;
    const uint64_t middle = line->tsc_base + (uint64_t)(int64_t)floor(since_ns * ticks_per_ns);
    if ((int64_t)(middle + error - departure->began) < 0 ||
        (int64_t)(departure->tsc - (middle - error)) < 0)
        return false;
    const uint64_t least = middle - error;
    *tsc = (int64_t)(least - departure->began) > 0 ? least : departure->began;
    return true;
}

ntp_time departed_utc(const struct clock_line *utc, const struct stamp_line *own,
                      double ns_per_tick, const struct port_departure *departure, uint64_t *left)
{
    *left = departure->tsc;
    if (!departure->known || ns_per_tick == 0)
        return 0;
    if (departure->hardware)
        return tsc_of_stamp(own, departure, left) ? clock_utc(utc, *left) - 1 : 0;
    *left = departure->tsc - (uint64_t)(departure->before_ns / ns_per_tick);
    return clock_utc(utc, departure->tsc) - ntp_time_span(departure->before_ns) - 1;
}
