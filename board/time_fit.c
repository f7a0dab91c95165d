// Taking samples of a clock, and fitting a line over the TSC.
#include "board/time_fit.h"

#include "board/gates.h"

#include <assert.h>
#include <math.h>
#include <string.h>

// What a slewed clock may gain or lose: the kernel's adjtime does 500 ppm, plus the crystal's own
// error.
#define SLEW 600e-6

// A sample is wide when an older one says more than four times as much.
#define WIDE 4

// The kernel rounds the rate of its clocks, and corrects the error at each tick. The rest is less
// than this.
#define GRAIN_NS 2.0

// Rates of real counters: 50 MHz to 20 GHz.
#define NS_PER_TICK_MIN 0.05
#define NS_PER_TICK_MAX 20.0

enum { READINGS = 8 }; // the narrowest one is taken

struct time_sample time_sample_take(const struct time_readers *read)
{
    struct time_sample best = {.width = UINT64_MAX};
    for (int i = 0; i < READINGS; i++) {
        uint64_t before = read->tsc(read->self);
        int64_t ns = read->ns(read->self);
        uint64_t width = read->tsc(read->self) - before;
        if (width < best.width)
            best = (struct time_sample){before + width / 2, width, ns};
    }
    return best;
}

// A crystal's rate changes by some parts in 10^8 a second at worst, when its temperature changes
// fast: a bend of 20 ns/s per second is 40 parts in 10^9. What is followed is what the dataplane
// believes of a line's rate (dataplane/clock/belief.h): of two readings 50 ms apart, a step of 250
// us, which no client can tell from a slew.
const struct time_fit_kind time_fit_slewed = {
    .bend = 20, .grain = GRAIN_NS, .slew = SLEW, .follows = 5000e-6};
const struct time_fit_kind time_fit_free = {.bend = 20, .grain = GRAIN_NS};

void time_fit_init(struct time_fit *fit)
{
    time_fit_init_kind(fit, &time_fit_slewed);
}

void time_fit_init_kind(struct time_fit *fit, const struct time_fit_kind *kind)
{
    memset(fit, 0, sizeof *fit);
    fit->kind = *kind;
}

// The time on the line at that tick, minus utc_ns. Differences are formed first, because a double
// cannot hold a date to the nanosecond.
static double line_less(const struct time_line *line, uint64_t tsc, int64_t utc_ns)
{
    double ticks = (double)(int64_t)(tsc - line->tsc_base);
    return ticks * line->ns_per_tick + line->base_fraction - (double)(utc_ns - line->base_ns);
}

double time_line_excess(const struct time_line *line, const struct time_sample *sample,
                        double slack_ns)
{
    double off = -line_less(line, sample->tsc, sample->ns);
    double age_ns = fabs((double)(int64_t)(sample->tsc - line->tsc_base)) * line->ns_per_tick;
    double allowed = slack_ns + SLEW * age_ns + (double)sample->width * line->ns_per_tick / 2;
    return fabs(off) <= allowed ? 0 : off;
}

uint64_t time_fit_narrowest(const struct time_fit *fit)
{
    uint64_t width = fit->n == 0 ? 0 : UINT64_MAX;
    for (uint32_t i = 0; i < fit->n; i++)
        if (fit->sample[i].width < width)
            width = fit->sample[i].width;
    return width;
}

static void forget_all_but(struct time_fit *fit, uint32_t n)
{
    memmove(fit->sample, fit->sample + fit->n - n, n * sizeof *fit->sample);
    fit->n = n;
}

// How far the rate's changes may take a clock away from a line within that age.
static double bent_ns(const struct time_fit *fit, double age_s)
{
    return fit->kind.grain + fit->kind.bend * age_s * age_s;
}

// Does an older sample say more of the present than the newest one by far?
static bool newest_is_wide(const struct time_fit *fit)
{
    const struct time_sample *newest = &fit->sample[fit->n - 1];
    double rate = fit->line.ns_per_tick;
    for (uint32_t i = 0; i + 1 < fit->n; i++) {
        const struct time_sample *old = &fit->sample[i];
        double age_s = (double)(newest->tsc - old->tsc) * rate / NS_PER_S;
        double says = (double)old->width * rate + 2 * bent_ns(fit, age_s);
        if ((double)newest->width * rate > WIDE * says)
            return true;
    }
    return false;
}

// A wide sample is kept until the next one only, so that any number of them in a row leaves the
// narrow ones in their places.
static void append(struct time_fit *fit, const struct time_sample *sample)
{
    if (fit->ready && newest_is_wide(fit))
        fit->n--;
    if (fit->n == TIME_FIT_SAMPLES)
        forget_all_but(fit, TIME_FIT_SAMPLES - 1);
    fit->sample[fit->n++] = *sample;
}

static uint64_t end_of(const struct time_sample *sample)
{
    return sample->tsc + (sample->width + 1) / 2;
}

// The base of the gates: the end of the newest sample.
static uint64_t base_of(const struct time_fit *fit)
{
    return end_of(&fit->sample[fit->n - 1]);
}

// The samples as gates, the newest one first. ns_per_tick is any rate near the clock's.
static void make_gates(const struct time_fit *fit, double ns_per_tick, struct gate *gate)
{
    const uint64_t base = base_of(fit);
    const int64_t base_ns = fit->sample[fit->n - 1].ns;
    for (uint32_t i = 0; i < fit->n; i++) {
        const struct time_sample *s = &fit->sample[fit->n - 1 - i];
        double middle = (double)(base - s->tsc), half = (double)((s->width + 1) / 2);
        double wider = bent_ns(fit, (middle + half) * ns_per_tick / NS_PER_S);
        double ns = (double)(s->ns - base_ns);
        gate[i] = (struct gate){
            .before = -middle - half,
            .after = -middle + half,
            .low = ns - wider,
            .high = ns + 1 + wider, // the reading was rounded down
        };
    }
}

// A slewed clock may have changed its rate at any moment since the gates. This is the distance from
// `value`, on either side, within which the gates still prove its value at the base.
static double slewed_bound(const struct time_fit *fit, const struct gate *gate, double value,
                           double rate)
{
    double high = INFINITY, low = -INFINITY, slew = fit->kind.slew * rate;
    for (uint32_t i = 0; i < fit->n; i++) {
        high = fmin(high, gate[i].high - gate[i].before * (rate + slew));
        low = fmax(low, gate[i].low - gate[i].after * (rate - slew));
    }
    return fmax(high - value, value - low);
}

// The middle of all lines.
static void adopt(struct time_fit *fit, const struct gate_lines *lines, const struct gate *gate)
{
    double value = lines->low + (lines->high - lines->low) / 2;
    double rate = lines->flat + (lines->steep - lines->flat) / 2;
    double whole = floor(value);
    forget_all_but(fit, lines->n);
    fit->line = (struct time_line){
        .tsc_base = base_of(fit),
        .base_ns = fit->sample[fit->n - 1].ns + (int64_t)whole,
        .base_fraction = value - whole,
        .ns_per_tick = rate,
    };
    fit->bound_ns = (lines->high - lines->low) / 2;
    fit->growth = (lines->steep - lines->flat) / 2 / rate * NS_PER_S +
                  fit->kind.bend * (double)TIME_FIT_VOID_S;
    if (fit->kind.slew > 0)
        fit->bound_ns = fmax(fit->bound_ns, slewed_bound(fit, gate, value, rate));
    fit->ready = true;
    fit->stepped = false;
}

// The first line needs enough samples that agree; until the newest ones do, old ones are removed.
static bool fit_first(struct time_fit *fit)
{
    struct gate gate[TIME_FIT_SAMPLES];
    if (fit->n < TIME_FIT_FRESH)
        return false;
    forget_all_but(fit, TIME_FIT_FRESH);
    const struct time_sample *oldest = &fit->sample[0], *newest = &fit->sample[fit->n - 1];
    double rate = (double)(newest->ns - oldest->ns) / (double)(newest->tsc - oldest->tsc);
    if (rate < NS_PER_TICK_MIN || rate > NS_PER_TICK_MAX)
        return false;
    make_gates(fit, rate, gate);
    struct gate_lines lines = gates_lines(gate, fit->n, NS_PER_TICK_MIN, NS_PER_TICK_MAX);
    if (lines.n < fit->n)
        return false;
    adopt(fit, &lines, gate);
    return true;
}

// Fits the next line. False when the samples prove a step.
static bool fit_next(struct time_fit *fit)
{
    struct gate gate[TIME_FIT_SAMPLES];
    const double rate = fit->line.ns_per_tick;
    const bool slewed = fit->kind.follows > 0;
    make_gates(fit, rate, gate);
    struct gate_lines lines =
        gates_lines(gate, fit->n, slewed ? rate * (1 - fit->kind.follows) : NS_PER_TICK_MIN,
                    slewed ? rate * (1 + fit->kind.follows) : NS_PER_TICK_MAX);
    if (lines.n == 0 || (!slewed && lines.n < TIME_FIT_FREE))
        return false;
    adopt(fit, &lines, gate);
    return true;
}

// Starts over with one sample; the old rate stays.
static void start_over(struct time_fit *fit, const struct time_sample *sample)
{
    fit->n = 0;
    fit->stepped |= fit->ready;
    fit->ready = false;
    fit->line.tsc_base = sample->tsc;
    fit->line.base_ns = sample->ns;
    fit->line.base_fraction = 0;
    fit->bound_ns = (double)sample->width * fit->line.ns_per_tick / 2 + 1;
    append(fit, sample);
}

// Did the TSC go back, as it may when a virtual machine moves?
static bool goes_back(const struct time_fit *fit, const struct time_sample *sample)
{
    uint64_t begin = sample->tsc - (sample->width + 1) / 2;
    return fit->n != 0 && (int64_t)(begin - base_of(fit)) <= 0;
}

enum time_fit_result time_fit_add(struct time_fit *fit, const struct time_sample *sample)
{
    const bool was_ready = fit->ready;
    bool back = goes_back(fit, sample);
    if (!back) {
        append(fit, sample);
        if (was_ready ? fit_next(fit) : fit_first(fit))
            return TIME_FIT_GOOD;
    }
    if (back || was_ready)
        start_over(fit, sample);
    return was_ready ? TIME_FIT_STEPPED : TIME_FIT_COLLECTING;
}

double time_fit_bound_ns(const struct time_fit *fit, uint64_t tsc)
{
    double age_s =
        fabs((double)(int64_t)(tsc - fit->line.tsc_base)) * fit->line.ns_per_tick / NS_PER_S;
    return fit->bound_ns + (fit->growth + fit->kind.slew * NS_PER_S) * age_s;
}

// The greatest number for what cannot be told.
static uint32_t rounded_up(double number)
{
    return number < UINT32_MAX - 1 ? (uint32_t)number + 1 : UINT32_MAX;
}

uint32_t time_fit_bound(const struct time_fit *fit)
{
    return rounded_up(fit->bound_ns);
}

uint32_t time_fit_growth_ppb(const struct time_fit *fit, bool unseen)
{
    bool restless = unseen || fit->n < TIME_FIT_FREE;
    return rounded_up(fit->growth + (restless ? fit->kind.slew * NS_PER_S : 0));
}

// Rates on the board are units of 2^-32 s per tick, times 2^CLOCK_RATE_SHIFT.
static const double rate_unit = 1208925819614629174706176.0 / NS_PER_S; // 2^80 / 10^9
static_assert(32 + CLOCK_RATE_SHIFT == 80, "rate_unit");

struct clock_line time_line_encode(const struct time_line *line)
{
    int64_t seconds = line->base_ns / NS_PER_S, ns = line->base_ns % NS_PER_S;
    if (ns < 0) {
        seconds--;
        ns += NS_PER_S;
    }
    return (struct clock_line){
        .tsc_base = line->tsc_base,
        .utc_base = ntp_time_from_unix(seconds, (uint32_t)ns) +
                    (uint64_t)(line->base_fraction * 4294967296.0 / NS_PER_S),
        .rate = (uint64_t)(line->ns_per_tick * rate_unit + 0.5),
    };
}

struct time_line time_line_decode(const struct clock_line *line, int64_t about_ns)
{
    // The era is chosen so that the line is nearest to about_ns.
    ntp_time about = ntp_time_from_unix(about_ns / NS_PER_S, 0);
    int64_t off = (int64_t)(line->utc_base - about); // units of 2^-32 s
    int64_t seconds = off >> 32;
    uint64_t fraction = (uint64_t)off & UINT32_MAX;
    return (struct time_line){
        .tsc_base = line->tsc_base,
        .base_ns =
            (about_ns / NS_PER_S + seconds) * NS_PER_S + (int64_t)((fraction * NS_PER_S) >> 32),
        .ns_per_tick = (double)line->rate / rate_unit,
    };
}
