// A simulated hardware clock beside the simulated machine, in the place of phc_thread.c: it is read
// when it is due and somebody looks, instead of by a thread.
#pragma once

#include "tests/control/time/sim_clock.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_phc {
    struct sim_clock *clock;
    int64_t off_ns;    // of the hardware clock from the system's when that began, plus jumps
    double ppm;        // how much faster it runs than true time
    uint64_t since_ns; // true time since which it runs so
    bool frozen;
    int64_t frozen_ns; // what it says then
    uint64_t read_ns;  // what a reading takes
    bool hangs;        // a reading does not come back
    int fault;         // -errno of all readings
    unsigned rounds;   // of readings
};

extern struct sim_phc time_phc;

// What the hardware clock says now, on the time scale of the system's clock.
int64_t sim_phc_ns(const struct sim_phc *sim);
