// The line of a clock that stamps frames, from its nanoseconds to the TSC: CLOCK_MONOTONIC, or the
// clock of a device. Housekeeping writes it; every core and control's status read it.
#pragma once

#include "board/snapshot.h"
#include "board/time_fit.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

// tsc = tsc_base + (stamp - stamp_base) * rate / 2^STAMP_RATE_SHIFT
enum { STAMP_RATE_SHIFT = 48 };

struct stamp_line {
    uint64_t stamp_base; // ns
    uint64_t tsc_base;
    uint64_t rate;       // ticks per nanosecond, times 2^STAMP_RATE_SHIFT
    uint64_t until;      // TSC: the line is void after this; 0: there is no line
    uint32_t bound_ns;   // the clock is within this of the line at its base
    uint32_t growth_ppb; // and within so many ns more for each second before or after the base
    uint32_t gates;      // readings that the line goes through, for status
    uint32_t spare;
};
static_assert(sizeof(struct stamp_line) <= 8 * SNAPSHOT_WORDS_MAX, "fits a snapshot");
static_assert(sizeof(struct stamp_line) % 8 == 0, "is made of whole words");

// A reader's own copy. seen 0: nothing has been published, and the line is all zero.
struct stamp_line_view {
    uint64_t seen;
    uint64_t refused; // publications that were out of range
    struct stamp_line line;
};

// The line of a fit that is ready. It is void TIME_FIT_VOID_S after the last reading.
//
// A stamp that the line puts too early breaks containment. So the bound of a slewed clock counts a
// slew from its first moment on.
struct stamp_line stamp_line_of(const struct time_fit *fit);

// Is the record empty, or a line that a real clock could have?
bool stamp_line_is_sound(const struct stamp_line *line);

// Brings the view up to date: one load when nothing has been published since. A line that is out of
// range is refused and counted. True when the view changed.
bool stamp_line_refresh(const struct snapshot *board, struct stamp_line_view *view);
