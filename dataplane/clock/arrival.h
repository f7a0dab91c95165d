// When a frame arrived, by the stamp that it bears. A stamp is of another clock than the core's: a
// line turns it into ticks of the TSC. What cannot be is refused, and the frame then counts as
// unstamped: a stamp of the future, of long ago, or one for which there is no line. Arithmetic
// only. Pure; any thread.
#pragma once

#include "board/stamp_line.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    // A frame that has waited longer was meant for somebody who has long given up.
    ARRIVAL_AGE_MAX_S = 8,
    // The kernel's fast reading of its clock and our line differ by less: such a stamp is no
    // later than the look at the port that found its frame.
    ARRIVAL_SLACK_NS = 2000,
};

// The TSC at that stamp, which may be before or after the line's base.
uint64_t arrival_tsc(const struct stamp_line *line, uint64_t stamp);

// The TSC at which a stamped frame arrived that the core had in hand at `polled`: never later than
// that. False when the stamp is refused. tsc_hz is the TSC's.
bool arrival_of(const struct stamp_line *line, uint64_t stamp, uint64_t polled, uint64_t tsc_hz,
                uint64_t *arrived);
