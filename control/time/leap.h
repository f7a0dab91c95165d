// Leap seconds, from their announcement to the moment at which CLOCK_REALTIME is put back or forth.
// A second is inserted or deleted at the end of a UTC day, and announced on that day alone (RFC
// 5905, section 7.3: "in the last minute of the current day"): a source that is slow to take its
// announcement back does not announce another one.
//
// The line of the clock knows nothing of the jump. So it is void from a little before it until a
// line is fitted behind it: those replies have leap 3, because no client could tell a second wrong.
//
// Pure; one thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct leap {
    uint8_t said; // enum ntp_leap: what the source says now; LEAP_NONE or an announcement
    int64_t day;  // since 1970, when it began to say so
    bool over;    // the jump has been seen
};

// The jump's margin: no reply leaves later than this after it was composed (CLOCK_STALE_MS).
#define LEAP_MARGIN_NS INT64_C(10000000)

// What is to be announced at that time of CLOCK_REALTIME, when the source says `said`.
uint8_t leap_announced(struct leap *leap, uint8_t said, int64_t utc_ns);

// Is this step the announced jump? utc_ns: CLOCK_REALTIME behind it. Remembers it.
bool leap_explains(struct leap *leap, int64_t utc_ns, double by_ns);

// CLOCK_REALTIME, in ns since 1970, from which the line is void: when it is near, else 0.
int64_t leap_void_ns(const struct leap *leap, int64_t utc_ns);
