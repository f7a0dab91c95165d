// Does a live child still work? Its heartbeat, a counter, shows it. Time is counted in checks, not
// in seconds, so that a pause of the whole machine does not count. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    HEARTBEAT_LOOK_MS = 125,
    HEARTBEAT_LOOKS_STOPPED = 7,    // under a second: a stopped process does not wake up by itself
    HEARTBEAT_LOOKS_DATAPLANE = 80, // ten seconds: it may wait for the kernel, or for its CPU
    HEARTBEAT_LOOKS_KE = 80,        // ten seconds: it may wait for its CPU
    HEARTBEAT_LOOKS_METRICS = 80,   // ten seconds, likewise
    HEARTBEAT_LOOKS_CONTROL = 960,  // two minutes: it may wait for a disk that is slow to sync
};

// Zero for a child that has just been started.
struct heartbeat {
    uint64_t seen;
    uint32_t still; // checks since it last moved
};

// One check. False when the heartbeat has not moved in that many checks.
bool heartbeat_awake(struct heartbeat *last, uint64_t now, uint32_t patience);
