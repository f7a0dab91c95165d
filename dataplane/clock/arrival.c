// Stamps as ticks.
#include "dataplane/clock/arrival.h"

#include "board/ntp_time.h"

__extension__ typedef unsigned __int128 wide;

static uint64_t scaled(uint64_t ns, uint64_t rate)
{
    return (uint64_t)((wide)ns * rate >> STAMP_RATE_SHIFT);
}

uint64_t arrival_tsc(const struct stamp_line *line, uint64_t stamp)
{
    uint64_t since = stamp - line->stamp_base;
    if ((int64_t)since < 0)
        return line->tsc_base - scaled(0 - since, line->rate);
    return line->tsc_base + scaled(since, line->rate);
}

bool arrival_of(const struct stamp_line *line, uint64_t stamp, uint64_t polled, uint64_t tsc_hz,
                uint64_t *arrived)
{
    if ((int64_t)(line->until - polled) <= 0)
        return false;
    uint64_t tsc = arrival_tsc(line, stamp);
    int64_t age = (int64_t)(polled - tsc);
    if (age >= 0) {
        *arrived = tsc;
        return (uint64_t)age <= tsc_hz * ARRIVAL_AGE_MAX_S;
    }
    // The frame was there when the core looked, so it came no later.
    *arrived = polled;
    return (uint64_t)-age <= line->error + tsc_hz / (NS_PER_S / ARRIVAL_SLACK_NS);
}
