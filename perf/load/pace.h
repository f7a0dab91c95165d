// The schedule of requests: at a constant or linearly rising rate, with equal gaps or as a Poisson
// process, one by one or in bunches of requests that are due at the same moment. Open loop: the
// server's behaviour does not change the schedule. Pure; each object belongs to one thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pace {
    uint64_t start_ns;
    uint64_t end_ns;
    double from; // requests per second at the start
    double to;   // requests per second at the end
    bool poisson;
    unsigned bunch; // requests that are due at the same moment, 1 or more
    unsigned left;  // requests left in the bunch, including the next one
    // In the first burst_len_ns of each burst_every_ns the rate is burst_factor times as high.
    uint64_t burst_every_ns; // 0: never
    uint64_t burst_len_ns;
    uint64_t burst_phase_ns; // of the start, in a burst_every_ns
    double burst_factor;
    uint64_t random; // state of a simple generator
    uint64_t at;     // time of the next request: whole ns since the start
    double part;     // and its fraction of a ns, which would add up over a long run
};

// The first bunch is due at the start, or a random gap later. Rates are above 0 and count requests,
// not bunches. A bunch that begins before the end is complete.
void pace_start(struct pace *pace, uint64_t start_ns, uint64_t span_ns, double from, double to,
                bool poisson, unsigned bunch, uint64_t seed);

// Adds bursts to a schedule that has just been started. phase_ns: how long before the start a burst
// was due. A gap that ends in a burst has the length from before it.
void pace_burst(struct pace *pace, uint64_t every_ns, uint64_t len_ns, double factor,
                uint64_t phase_ns);

// Whether another request is due before the end.
static inline bool pace_goes_on(const struct pace *pace)
{
    return pace->start_ns + pace->at < pace->end_ns;
}

static inline uint64_t pace_due(const struct pace *pace)
{
    return pace->start_ns + pace->at;
}

// Whether the next request is the first one of its bunch.
static inline bool pace_begins_bunch(const struct pace *pace)
{
    return pace->left == pace->bunch;
}

// Goes to the next request.
void pace_next(struct pace *pace);
