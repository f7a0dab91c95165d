// When requests are due: at a fixed rate or one that rises steadily, evenly spaced or as a Poisson
// process, one by one or in bunches of which all are due at the same moment. Open loop: nothing
// that a server does moves the schedule. Pure; one thread an object.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pace {
    uint64_t start_ns;
    uint64_t end_ns;
    double from; // requests a second at the start
    double to;   // and at the end
    bool poisson;
    unsigned bunch;  // requests that are due at the same moment, 1 or more
    unsigned left;   // of the bunch, the next request included
    uint64_t random; // state of a generator that need not be a good one
    uint64_t at;     // of the next request: whole ns since the start
    double part;     // and what is missing of another: in a day of them it adds up
};

// The first bunch is due at the start, or a random gap after it. Rates are above 0, and they are
// those of the requests. A bunch that begins before the end is whole.
void pace_start(struct pace *pace, uint64_t start_ns, uint64_t span_ns, double from, double to,
                bool poisson, unsigned bunch, uint64_t seed);

// Is another request due before the end?
static inline bool pace_goes_on(const struct pace *pace)
{
    return pace->start_ns + pace->at < pace->end_ns;
}

static inline uint64_t pace_due(const struct pace *pace)
{
    return pace->start_ns + pace->at;
}

// Is the next request the first one of its bunch?
static inline bool pace_begins_bunch(const struct pace *pace)
{
    return pace->left == pace->bunch;
}

// On to the next one.
void pace_next(struct pace *pace);
