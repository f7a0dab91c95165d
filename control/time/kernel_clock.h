// What the kernel says of its clock, judged: how wrong it may be, and whether it is synchronised.
//
// The kernel's maxerror is what the program that keeps the clock (chronyd, ntpd, phc2sys) last
// said, and 500 us more each second since. That growth is meant for a clock that nobody keeps: a
// chronyd that polls every 1,024 s would get half a second of dispersion. While updates keep coming
// the growth is taken off, and 15 ppm are added (RFC 5905's PHI). Once they are overdue the
// kernel's number counts as it is, so that a clock that nobody keeps reaches any limit.
//
// Pure; one thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/timex.h>

struct kernel_clock {
    bool looked;          // at least once
    int64_t maxerror_us;  // at the last look
    int64_t growth_us;    // of it, since the last update
    uint64_t looked_ns;   // CLOCK_MONOTONIC of the last look
    uint64_t updated_ns;  // of the last update; before one was seen, the earliest that it may be
    uint64_t interval_ns; // between the last two that were seen; 0: fewer were
    bool update_seen;
};

struct kernel_verdict {
    double error_s;    // how wrong the clock may be
    bool good;         // nothing but the error may speak against it
    bool marked;       // the kernel has it marked as unsynchronised: STA_UNSYNC
    bool leap_inserts; // at the end of this day
    bool leap_deletes;
};

// One look: what adjtimex returned and filled in. Several times a second.
struct kernel_verdict kernel_clock_look(struct kernel_clock *clock, int returned,
                                        const struct timex *now, uint64_t now_ns);
