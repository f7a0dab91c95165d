// A clock as a line over the TSC, fitted to samples of both: UTC in control, CLOCK_MONOTONIC in the
// dataplane. Pure arithmetic: tests feed it simulated clocks. It does the work of RFC 5905's clock
// filter. But it measures no network, only two counters of one machine, so a sample is right within
// its width, and a single sample can prove a step.
//
// The line is a least-squares fit over the longest run of newest samples that lie on a line:
// seconds of samples while the kernel's clock runs evenly, a few samples just after a slew began. A
// sample that no slew explains is a step: all samples before it are removed, and the line is fitted
// again.
#pragma once

#include "board/ntp_state.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TIME_FIT_SAMPLES = 64, // the longest run
    TIME_FIT_FRESH = 12,   // samples for the first line, and for the first one after a step
    TIME_FIT_SHORT = 4,    // the shortest run: for a line that follows a slewed clock
    TIME_FIT_SKIP = 8,     // wide samples in a row before one is used all the same
};

// A deviation that is followed without a message: less than clients can see over a network.
#define TIME_FIT_SLACK_NS 200e3

// The clock's value at one tick. width is the uncertainty of tsc: the true tick is within width /
// 2.
struct time_sample {
    uint64_t tsc;
    uint64_t width; // ticks
    int64_t ns;     // since the clock's epoch
};

// Functions that read the two counters; self is passed to them.
struct time_readers {
    void *self;
    uint64_t (*tsc)(void *self);
    int64_t (*ns)(void *self);
};

// Reads the clock between two readings of the TSC, several times, and returns the narrowest such
// pair, which is the most precise one.
struct time_sample time_sample_take(const struct time_readers *read);

// A line over ticks, precise near its base.
struct time_line {
    uint64_t tsc_base;
    int64_t base_ns;
    double base_fraction; // of a nanosecond, added to base_ns
    double ns_per_tick;
};

struct time_fit {
    struct time_sample sample[TIME_FIT_SAMPLES]; // oldest first
    uint32_t n;
    uint32_t skipped;      // in a row
    bool ready;            // line is valid
    bool stepped;          // there was a line, a step ended it, and none has been fitted since
    struct time_line line; // while stepped: the old rate through the newest sample
    double error_ns;       // greatest residual of the run and half of the narrowest width
};

enum time_fit_result {
    TIME_FIT_COLLECTING, // no line yet
    TIME_FIT_GOOD,       // the line has been updated
    TIME_FIT_SKIPPED,    // the sample was too wide to be useful; the line stays
    TIME_FIT_STEPPED,    // the sample proves a step; no line until enough fresh samples agree
};

void time_fit_init(struct time_fit *fit);

// Adds a sample, which must be newer than the last one.
enum time_fit_result time_fit_add(struct time_fit *fit, const struct time_sample *sample);

// The distance of the sample from the line in ns, beyond what its width, a slewed clock since the
// line's base, and slack_ns explain: 0 when they explain it, negative when the clock is behind.
double time_line_excess(const struct time_line *line, const struct time_sample *sample,
                        double slack_ns);

// Converts the line to the board's form, and back.
struct clock_line time_line_encode(const struct time_line *line);
struct time_line time_line_decode(const struct clock_line *line, int64_t about_ns);

// The width of the narrowest sample of the run, in ticks; 0 without samples.
uint64_t time_fit_narrowest(const struct time_fit *fit);
