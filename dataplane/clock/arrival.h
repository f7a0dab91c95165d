// When a frame arrived, by the stamp that it bears. A stamp is of another clock than the core's;
// one line leads from that clock to the TSC and another from the TSC to UTC, and for a burst both
// are made one that begins at the look which found the frames. What cannot be is refused, and its
// frame then counts as unstamped: a stamp of the future, of long ago, or one for which there is no
// line. Arithmetic only. Pure; any thread.
#pragma once

#include "board/ntp_state.h"
#include "board/stamp_line.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    // A frame that has waited longer was meant for somebody who has long given up.
    ARRIVAL_AGE_MAX_S = 8,
    // The kernel's fast reading of its clock and our line differ by less: such a stamp is no
    // later than the look at the port that found its frame.
    ARRIVAL_SLACK_NS = 2000,
    ARRIVAL_RATE_SHIFT = 28, // the product of the oldest age and a rate fits 64 bits
};

// The clock of the stamps, of one burst.
struct arrival_clock {
    uint64_t now;      // what it showed at the look, ns
    ntp_time utc;      // at the look
    uint64_t rate;     // units of 2^-32 s a nanosecond of it, times 2^ARRIVAL_RATE_SHIFT
    uint64_t slack;    // ns by which a stamp may be later than the look
    uint64_t oldest;   // ns: less than that, slack included, is believed; 0: nothing is
    uint32_t error_ns; // by which a time may be wrong
};

// For frames that were in hand at that reading of the TSC.
struct arrival_clock arrival_clock_at(const struct stamp_line *line, const struct clock_line *utc,
                                      uint64_t polled);

// UTC of a frame's arrival, never later than the look. False when its stamp is refused; *utc then
// says nothing. In the header and without a branch, because each packet takes it.
static inline bool arrival_utc(const struct arrival_clock *clock, uint64_t stamp, ntp_time *utc)
{
    uint64_t age = clock->now - stamp + clock->slack; // wraps when the stamp is later by more
    bool good = age < clock->oldest;
    // The frame was there when the core looked, so it came no later.
    uint64_t before = age > clock->slack ? age - clock->slack : 0;
    *utc = clock->utc - (before * clock->rate >> ARRIVAL_RATE_SHIFT);
    return good;
}
