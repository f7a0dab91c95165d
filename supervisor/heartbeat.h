// Is a child that lives also awake? Its heartbeat, a counter, says so. Time is counted in looks,
// not in seconds: a machine that was asleep as a whole has not looked. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    HEARTBEAT_LOOK_MS = 125,
    HEARTBEAT_LOOKS_STOPPED =
        7, // under a second: what a signal has stopped does not wake by itself
    HEARTBEAT_LOOKS_DATAPLANE = 80, // ten seconds: it may wait for the kernel, or for its CPU
    HEARTBEAT_LOOKS_KE = 80,        // ten seconds: it may wait for its CPU
    HEARTBEAT_LOOKS_CONTROL = 960,  // two minutes: it may wait for a disk that is slow to sync
};

// Zero for a child that starts.
struct heartbeat {
    uint64_t seen;
    uint32_t still; // looks since it last moved
};

// One look. False when the heartbeat has stood still for so many looks.
bool heartbeat_awake(struct heartbeat *last, uint64_t now, uint32_t patience);
