// A clock as a line over the TSC, with a bound, from readings of both: UTC in control,
// CLOCK_MONOTONIC in the dataplane, a network card's clock. Pure arithmetic: tests feed it
// simulated clocks. It does the work of RFC 5905's clock filter. But it measures no network, only
// two counters of one machine, so each reading is a gate (board/gates.h) through which the clock
// went.
//
// The line is the middle of all lines that go through the gates of a window; the least and the
// greatest of them bound the clock's time. What bends the clock's line widens the gates with their
// age: the clock's rate changes by at most 2 * bend a second. The window is the longest that some
// line goes through, up to 64 gates: seconds of readings while the clock runs evenly, a few
// readings just after its rate has changed. What no line goes through is proven to be something
// else:
//
//   of a free clock, when no line goes through 8 gates: a step, or a rate that no crystal has;
//   of a slewed clock, when no line of an allowed rate goes through the newest 2 gates: a step.
//
// Then all readings before it are removed, and a line is fitted anew. Readings that were
// interrupted are wide gates and do no harm: the narrow ones before them still count.
#pragma once

#include "board/ntp_state.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TIME_FIT_SAMPLES = 64, // the longest window
    TIME_FIT_FRESH = 12,   // samples for the first line, and for the first one after a step
    TIME_FIT_FREE = 8,     // the shortest window of a free clock
    // A line is not called exact for longer than this after its last reading. Readings come every
    // 50 or 100 ms; when several are missing, nobody watches the clock any more.
    TIME_FIT_VOID_S = 1,
};

// A deviation from CLOCK_REALTIME that needs no mark: less than clients can see over a network.
#define TIME_FIT_SLACK_NS 200e3

// How a clock can move.
struct time_fit_kind {
    double bend;  // its rate changes by up to twice this a second, in ns/s
    double grain; // ns: how far its readings are from a line at best
    double slew;  // its rate may change by this share at any moment; 0 for a free clock. The bound
                  // counts it
    double follows; // a change of rate up to this share is followed; what is more is a step
};

// CLOCK_REALTIME and CLOCK_MONOTONIC: the kernel makes them from the TSC, by a factor that a
// program may change at any moment: adjtime does 500 ppm, besides what a crystal is off. chronyd
// corrects some milliseconds by some thousands of ppm, and that is no step either.
extern const struct time_fit_kind time_fit_slewed;

// A counter of its own crystal that nobody adjusts, such as a network card's.
extern const struct time_fit_kind time_fit_free;

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
    struct time_fit_kind kind;
    struct time_sample sample[TIME_FIT_SAMPLES]; // oldest first
    uint32_t n;
    bool ready;            // line, bound and growth are valid
    bool stepped;          // there was a line, a step ended it, and none has been fitted since
    struct time_line line; // while stepped: the old rate through the newest sample
    double bound_ns;       // the clock is within this of the line, at the line's base
    double growth;         // and within so much more, in ns, for each second from there on, up to
                           // TIME_FIT_VOID_S, unless its rate is changed
};

enum time_fit_result {
    TIME_FIT_COLLECTING, // no line yet
    TIME_FIT_GOOD,       // the line has been updated
    TIME_FIT_STEPPED,    // the sample proves a step; no line until enough fresh samples agree
};

// For a slewed clock; and for a clock of any kind, which is copied.
void time_fit_init(struct time_fit *fit);
void time_fit_init_kind(struct time_fit *fit, const struct time_fit_kind *kind);

// Adds a sample, which must be newer than the last one: it began after that one had ended.
enum time_fit_result time_fit_add(struct time_fit *fit, const struct time_sample *sample);

// The hard bound, in ns: how far the clock can be from the line at that tick. A change of rate that
// nobody has seen yet is in it.
double time_fit_bound_ns(const struct time_fit *fit, uint64_t tsc);

// The distance of the sample from the line in ns, beyond what its width, a slewed clock since the
// line's base, and slack_ns explain: 0 when they explain it, negative when the clock is behind.
double time_line_excess(const struct time_line *line, const struct time_sample *sample,
                        double slack_ns);

// Bound and growth in whole ns, rounded up, as records have them. Of a slewed clock the growth
// counts a change of rate that nobody has seen yet if `unseen`, or if the rate has changed just
// before: if the line goes through fewer than TIME_FIT_FREE gates.
uint32_t time_fit_bound(const struct time_fit *fit);
uint32_t time_fit_growth_ppb(const struct time_fit *fit, bool unseen);

// Converts the line to the board's form, and back.
struct clock_line time_line_encode(const struct time_line *line);
struct time_line time_line_decode(const struct clock_line *line, int64_t about_ns);

// The width of the narrowest sample of the window, in ticks; 0 without samples.
uint64_t time_fit_narrowest(const struct time_fit *fit);
