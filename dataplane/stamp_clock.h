// The clock of the stamps that frames bear, which is the kernel's own CLOCK_MONOTONIC, as a line
// over the TSC: read by housekeeping, published for the cores. Housekeeping's thread.
#pragma once

#include "board/snapshot.h"
#include "board/time_fit.h"

struct stamp_clock {
    struct snapshot *board; // struct stamp_line
    int64_t offset_ns;      // of this process's CLOCK_MONOTONIC from the kernel's own
    struct time_fit fit;
};

// Reads the clock until there is a line, which takes some milliseconds, and publishes it.
void stamp_clock_open(struct stamp_clock *clock, struct snapshot *board);

// Reads it once more and publishes the line as it then is. To be called several times a second.
void stamp_clock_turn(struct stamp_clock *clock);
