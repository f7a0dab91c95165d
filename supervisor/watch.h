// Heartbeats: is a child that lives also awake? Time is counted in looks, not in seconds: a machine
// that was asleep as a whole has not looked. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    WATCH_INTERVAL_MS = 125,
    WATCH_STOPPED_LOOKS = 7,    // under a second: what a signal has stopped does not wake by itself
    WATCH_DATAPLANE_LOOKS = 80, // ten seconds: it may wait for the kernel, or for its CPU
    WATCH_CONTROL_LOOKS = 960,  // two minutes: it may wait for a disk that is slow to sync
};

// Zero for a child that starts.
struct pulse {
    uint64_t seen;
    uint32_t still; // looks since it last moved
};

// One look. False when the heartbeat has stood still for so many looks (patience), or, of a child
// that is stopped, for WATCH_STOPPED_LOOKS.
bool watch_awake(struct pulse *pulse, uint64_t heartbeat, bool stopped, uint32_t patience);
