// The time at which a frame arrived, from its stamp. The stamp is a reading of another clock than
// the core's. One line leads from that clock to the TSC, another from the TSC to UTC; for each
// burst both are combined into one line that begins at the poll that found the frames. A stamp that
// cannot be true is refused, and its frame counts as unstamped: a stamp in the future, one that is
// too old, or one for which there is no line. Arithmetic only. Pure; any thread.
#pragma once

#include "board/ntp_state.h"
#include "board/stamp_line.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    // The client of a frame that has waited longer gave up long ago.
    ARRIVAL_AGE_MAX_S = 8,
    // The difference between the kernel's fast reading of its clock and our line is smaller: with
    // this slack no good stamp is later than the poll that found its frame.
    ARRIVAL_SLACK_NS = 2000,
    ARRIVAL_RATE_SHIFT = 28, // the product of the oldest age and a rate fits 64 bits
};

// The clock of the stamps, for one burst.
struct arrival_clock {
    uint64_t now;      // its reading at the poll, ns
    ntp_time utc;      // at the poll
    uint64_t rate;     // units of 2^-32 s per nanosecond of this clock, times 2^ARRIVAL_RATE_SHIFT
    uint64_t slack;    // ns by which a stamp may be later than the poll
    uint64_t oldest;   // ns: a smaller age (with slack) is believed; 0: no age is
    uint32_t error_ns; // its reading may be wrong by this much
    uint32_t growth_ppb; // and its rate by so much
    double ticks_per_ns;
};

// For frames that the port held at that reading of the TSC.
struct arrival_clock arrival_clock_at(const struct stamp_line *line, const struct clock_line *utc,
                                      uint64_t polled);

// How wrong the arrival of a frame with that stamp may be. The longer ago it arrived, the more the
// rate counts. A stamp that is refused counts as the oldest that is not.
uint32_t arrival_error_ns(const struct arrival_clock *clock, uint64_t stamp);

// UTC of a frame's arrival, never later than the poll. False when its stamp is refused; *utc is
// then undefined. In the header and without a branch, because each packet needs it.
static inline bool arrival_utc(const struct arrival_clock *clock, uint64_t stamp, ntp_time *utc)
{
    uint64_t age = clock->now - stamp + clock->slack; // wraps when the stamp is later by more
    bool good = age < clock->oldest;
    // The frame was there when the core polled, so it did not arrive later.
    uint64_t before = age > clock->slack ? age - clock->slack : 0;
    *utc = clock->utc - (before * clock->rate >> ARRIVAL_RATE_SHIFT);
    return good;
}
