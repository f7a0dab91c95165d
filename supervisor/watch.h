// Heartbeats: is a child that lives also awake? Reads the board, which the children write.
// Time is counted in looks, not in seconds: a machine that was asleep as a whole has not looked.
// Single-threaded.
#pragma once

#include "board/board.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WATCH_INTERVAL_MS = 125,
    WATCH_CORE_LOOKS = 7,          // under a second, with housekeeping still too
    WATCH_HOUSEKEEPING_LOOKS = 80, // ten seconds: it may wait for the kernel
    WATCH_CONTROL_LOOKS = 960,     // two minutes: it may wait for a disk that is slow to sync
};

struct pulse {
    uint64_t seen;
    uint32_t still; // looks since it last moved
};

struct watch {
    struct pulse core[CORES_MAX];
    struct pulse housekeeping;
    struct pulse control;
};

// Forgets what was seen, for a child that starts.
void watch_dataplane_started(struct watch *w);
void watch_control_started(struct watch *w);

// One look. False when something has stood still too long; *core is its number, or -1 for
// housekeeping.
bool watch_dataplane(struct watch *w, const struct board_dataplane *board, int *core);
bool watch_control(struct watch *w, const struct board_control *board);
