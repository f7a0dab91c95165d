// Holding stamps against readings.
#include "dataplane/port/eal/clock_choice.h"

#include <math.h>

// A unit that is so near to a nanosecond is one: no crystal is further off.
#define NS_UNIT 1e-3

void clock_choice_reading(struct clock_choice *choice, enum clock_candidate which,
                          const struct choice_reading *reading)
{
    struct choice_clock *c = &choice->clock[which];
    if (!reading->is_kernel)
        c->kernel = 0;
    else if (c->kernel < CHOICE_KERNEL_TRIES)
        c->kernel++;
    if (c->n == 0)
        c->first = *reading;
    c->last = *reading;
    c->n++;
}

bool clock_choice_is_kernel(const struct clock_choice *choice, enum clock_candidate which)
{
    return choice->clock[which].kernel == CHOICE_KERNEL_TRIES;
}

// From the first to the last reading.
struct rate {
    double unit_per_tick;
    double ns_per_tick;
};

static bool rate_of(const struct choice_clock *c, struct rate *rate)
{
    const double ns = (double)(int64_t)(c->last.now_ns - c->first.now_ns);
    const double ticks = (double)(int64_t)(c->last.tsc - c->first.tsc);
    const double units = (double)(int64_t)(c->last.value - c->first.value);
    if (c->n < 2 || ns < CHOICE_SPAN_MS * 1e6 || ticks <= 0 || units <= 0)
        return false;
    *rate = (struct rate){units / ticks, ns / ticks};
    return true;
}

// How old the stamp was when its frame was polled, in ns; negative when it lies in the future.
static double age_ns(const struct choice_clock *c, const struct rate *rate,
                     const struct choice_stamp *stamp)
{
    const double since = (double)(int64_t)(stamp->polled - c->last.tsc) * rate->unit_per_tick;
    const double behind = (double)(int64_t)(stamp->stamp - c->last.value);
    return (since - behind) / rate->unit_per_tick * rate->ns_per_tick;
}

// What the readings' own widths explain of a stamp in the future.
static double slack_ns(const struct choice_clock *c, const struct rate *rate)
{
    return CHOICE_SLACK_NS + (double)(c->first.width + c->last.width) * rate->ns_per_tick;
}

static void judge_window(struct choice_clock *c)
{
    struct rate rate;
    if (!c->has_youngest || !rate_of(c, &rate))
        return;
    const bool good =
        c->youngest_ns >= -slack_ns(c, &rate) && c->youngest_ns <= CHOICE_YOUNG_US * 1e3;
    c->young = c->young << 1 | good;
    c->has_youngest = false;
}

// The last windows.
#define WINDOWS ((1U << CHOICE_WINDOWS) - 1)

// A machine that is held up can spoil a window of timesync's clock alone. So read_clock has to wait
// until none of the last windows speaks for timesync.
static bool may_be_timesync(const struct clock_choice *choice)
{
    return (choice->clock[CLOCK_TIMESYNC].young & WINDOWS) != 0 &&
           !clock_choice_is_kernel(choice, CLOCK_TIMESYNC);
}

static bool choose(struct clock_choice *choice)
{
    for (unsigned i = 0; i < CLOCK_CANDIDATES && !choice->made; i++) {
        const struct choice_clock *c = &choice->clock[i];
        struct rate rate;
        if ((c->young & WINDOWS) != WINDOWS || clock_choice_is_kernel(choice, i) ||
            !rate_of(c, &rate) || (i == CLOCK_READ && may_be_timesync(choice)))
            continue;
        const double ns_per_unit = rate.ns_per_tick / rate.unit_per_tick;
        choice->made = true;
        choice->chosen = i;
        choice->ns_per_unit = fabs(ns_per_unit - 1) < NS_UNIT ? 1 : ns_per_unit;
    }
    return choice->made;
}

static bool window_is_over(const struct clock_choice *choice, uint64_t tsc)
{
    for (unsigned i = 0; i < CLOCK_CANDIDATES; i++) {
        struct rate rate;
        if (rate_of(&choice->clock[i], &rate))
            return (double)(int64_t)(tsc - choice->window) * rate.ns_per_tick >
                   CHOICE_WINDOW_MS * 1e6;
    }
    return false;
}

bool clock_choice_stamp(struct clock_choice *choice, const struct choice_stamp *stamp)
{
    if (choice->made)
        return false;
    if (choice->window == 0)
        choice->window = stamp->polled;
    if (window_is_over(choice, stamp->polled)) {
        for (unsigned i = 0; i < CLOCK_CANDIDATES; i++)
            judge_window(&choice->clock[i]);
        choice->window = stamp->polled;
        choice->judged++;
        if (choose(choice))
            return true;
    }
    for (unsigned i = 0; i < CLOCK_CANDIDATES; i++) {
        struct choice_clock *c = &choice->clock[i];
        struct rate rate;
        if (!rate_of(c, &rate))
            continue;
        const double age = age_ns(c, &rate, stamp);
        if (!c->has_youngest || age < c->youngest_ns)
            c->youngest_ns = age;
        c->has_youngest = true;
    }
    return false;
}
