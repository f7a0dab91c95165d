// A simulated machine: a TSC, a calendar clock that can be stepped and slewed and can have leap
// seconds, and reads that take time. Single-threaded.
#pragma once

#include "control/time/time_clock.h"

#include <stdint.h>

struct sim_clock {
    uint64_t ns;       // true time since power-on
    int64_t utc_ns;    // the calendar clock
    double utc_part;   // what is left of a nanosecond of it
    double ppm;        // how fast it runs
    uint64_t hz;       // of the TSC
    uint64_t read_ns;  // what a look at either clock takes
    uint64_t stall_ns; // a pause in the middle of each sandwich
    int kernel;        // what adjtimex returns
    int status;        // its status bits
    int64_t maxerror_us;
    int64_t growth_us; // of maxerror, a second
    int tai_s;         // TAI - UTC, as the kernel has it
    uint64_t random;
};

// A machine in good order at that date, synchronised.
void sim_clock_init(struct sim_clock *sim, int64_t unix_s);

void sim_clock_advance(struct sim_clock *sim, uint64_t ns);

uint64_t sim_clock_tsc(const struct sim_clock *sim);

// As the time source wants it; belongs to sim.
struct time_clock sim_clock_functions(struct sim_clock *sim);
