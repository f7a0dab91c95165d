// Which clock of a device has written its stamps. DPDK has two functions that read a clock, and a
// driver may offer both, one or none: one may read another clock than the stamps', with another
// epoch, rate or unit, or even the kernel's CLOCK_MONOTONIC_RAW. So nothing is believed that the
// stamps have not shown: a clock is the stamps' when, over some seconds, each youngest stamp is
// just a little older than its reading. When both functions read that clock, timesync's is chosen:
// the device tells departures in it. Pure arithmetic; one thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum clock_candidate {
    CLOCK_TIMESYNC, // rte_eth_timesync_read_time, in ns
    CLOCK_READ,     // rte_eth_read_clock, in the driver's unit
    CLOCK_CANDIDATES,
};

enum {
    CHOICE_SPAN_MS = 200,    // readings are that far apart before a rate is known
    CHOICE_WINDOW_MS = 500,  // the youngest stamp of a window counts
    CHOICE_WINDOWS = 4,      // so many in a row convince
    CHOICE_YOUNG_US = 1000,  // the age of the youngest stamp: a core polls more often
    CHOICE_SLACK_NS = 2000,  // a stamp may be later than its reading by this, besides the widths
    CHOICE_KERNEL_TRIES = 8, // readings that are CLOCK_MONOTONIC_RAW's before it counts as that
};

// A reading of a candidate.
struct choice_reading {
    uint64_t tsc;    // the middle of the two readings of the TSC around it
    uint64_t width;  // their distance
    uint64_t value;  // in the candidate's unit
    uint64_t now_ns; // CLOCK_MONOTONIC at the same time, to a microsecond or so
    bool is_kernel;  // value lies between two readings of CLOCK_MONOTONIC_RAW around it
};

// A frame: its stamp, and the TSC just after the poll that found it.
struct choice_stamp {
    uint64_t stamp;
    uint64_t polled;
};

struct choice_clock {
    struct choice_reading first, last;
    uint32_t n;      // readings
    uint32_t kernel; // of them, in a row, CLOCK_MONOTONIC_RAW's; up to CHOICE_KERNEL_TRIES
    bool has_youngest;
    double youngest_ns; // age of the youngest stamp of this window
    uint32_t young;     // a bit a window, the newest lowest: its youngest stamp was young
};

// All zero at the start.
struct clock_choice {
    struct choice_clock clock[CLOCK_CANDIDATES];
    uint64_t window; // TSC: the window began; 0: it has not
    uint32_t judged; // windows
    bool made;
    enum clock_candidate chosen; // once it is made
    double ns_per_unit;          // likewise; exactly 1 when the unit is a nanosecond
};

void clock_choice_reading(struct clock_choice *choice, enum clock_candidate which,
                          const struct choice_reading *reading);

// Holds a stamp against the candidates that have a rate. True when the choice is made by it.
bool clock_choice_stamp(struct clock_choice *choice, const struct choice_stamp *stamp);

// Has it been found to be CLOCK_MONOTONIC_RAW?
bool clock_choice_is_kernel(const struct clock_choice *choice, enum clock_candidate which);
