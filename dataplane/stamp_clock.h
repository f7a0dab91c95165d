// The clock of the frames' stamps, which is the kernel's own CLOCK_MONOTONIC, as a line over the
// TSC: housekeeping reads it and publishes it for the cores. Housekeeping's thread.
#pragma once

#include "board/snapshot.h"
#include "board/time_fit.h"

struct stamp_clock {
    struct snapshot *board; // struct stamp_line
    int64_t offset_ns;      // this process's CLOCK_MONOTONIC minus the kernel's own
    struct time_fit fit;
};

// Reads the clock until there is a line, which takes some milliseconds, and publishes it.
void stamp_clock_open(struct stamp_clock *clock, struct snapshot *board);

// Reads it once more and publishes the new line. To be called many times a second: the bound of the
// cores' stamps grows from one reading to the next, and without any the line is void after
// TIME_FIT_VOID_S.
void stamp_clock_turn(struct stamp_clock *clock);
