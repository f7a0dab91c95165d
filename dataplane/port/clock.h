// The clock of a port's own device, which stamps frames that arrive (burst.h: hardware) and leave
// (struct port_departure). It runs free: no one but its owner sets it, and its time is not UTC.
// dataplane/nic_clock.h reads it and makes a line over the TSC of it.
#pragma once

#include "board/time_fit.h"

// Belongs to the port and lives as long as it.
struct port_clock {
    const char *name; // what it is, for people: "/dev/ptp0"
    void *self;       // passed to read

    // Reads the clock between two readings of the TSC, several times, and gives the narrowest such
    // pair: time_fit.h has the contract of a sample, ns is in the unit and epoch of the frames'
    // stamps. 0 or -errno, with *sample unchanged; -EAGAIN while it is not known yet which
    // clock that is. Called by one thread that does nothing else, so
    // it may take long; while cores use the port.
    int (*read)(void *self, struct time_sample *sample);
};
