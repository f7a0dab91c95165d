// A clock as a line over the TSC, fitted to samples of both: UTC in control, CLOCK_MONOTONIC in the
// dataplane. Pure arithmetic: tests feed it simulated clocks. RFC 5905 calls such a thing the clock
// filter; ours measures no network, only two counters of one machine, so a sample is right within
// its width and one alone can prove a step.
//
// The line is a least-squares one over the longest run of newest samples that a line fits: seconds
// while the kernel's clock runs evenly, a few samples just after it began to slew. A sample that
// no slewing explains is a step: all before it is forgotten, and the line is fitted anew.
#pragma once

#include "board/ntp_state.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TIME_FIT_SAMPLES = 64, // the longest run
    TIME_FIT_FRESH = 12,   // samples that a first line, or one after a step, is made of
    TIME_FIT_SHORT = 4,    // the shortest run of a line that follows a slewing clock
    TIME_FIT_SKIP = 8,     // wide samples in a row before one is taken all the same
};

// A deviation that is followed without a word: less than clients can see behind a network.
#define TIME_FIT_SLACK_NS 200e3

// The clock at one tick. width is the uncertainty of tsc: the true one lies within width / 2.
struct time_sample {
    uint64_t tsc;
    uint64_t width; // ticks
    int64_t ns;     // since the clock's epoch
};

// How the two counters are read; self is theirs.
struct time_readers {
    void *self;
    uint64_t (*tsc)(void *self);
    int64_t (*ns)(void *self);
};

// Reads the clock between two looks at the TSC, several times, and returns the narrowest such pair,
// which tells most.
struct time_sample time_sample_take(const struct time_readers *read);

// A line over ticks, good near its base.
struct time_line {
    uint64_t tsc_base;
    int64_t base_ns;
    double base_fraction; // of a nanosecond, to be added
    double ns_per_tick;
};

struct time_fit {
    struct time_sample sample[TIME_FIT_SAMPLES]; // oldest first
    uint32_t n;
    uint32_t skipped;      // in a row
    bool ready;            // line is one
    bool stepped;          // there was a line, a step ended it, and none has been fitted since
    struct time_line line; // while stepped: the old rate through the newest sample
    double error_ns;       // greatest residual of the run and half of the narrowest width
};

enum time_fit_result {
    TIME_FIT_GATHERING, // no line yet
    TIME_FIT_GOOD,      // the line has been moved on
    TIME_FIT_SKIPPED,   // the sample was too wide to say anything; the line stays
    TIME_FIT_STEPPED,   // the sample proves a step; no line until enough fresh samples agree
};

void time_fit_init(struct time_fit *fit);

// Takes a sample, newer than the last one.
enum time_fit_result time_fit_add(struct time_fit *fit, const struct time_sample *sample);

// How far off the line the sample is, in ns, beyond what its width, a slewing clock since the
// line's base, and slack_ns explain: 0 when that is nothing, negative when the clock is behind.
double time_line_excess(const struct time_line *line, const struct time_sample *sample,
                        double slack_ns);

// The line in the board's form, and back.
struct clock_line time_line_encode(const struct time_line *line);
struct time_line time_line_decode(const struct clock_line *line, int64_t about_ns);

// The width of the narrowest sample of the run, in ticks; 0 without samples.
uint64_t time_fit_narrowest(const struct time_fit *fit);
