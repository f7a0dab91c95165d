// Taking samples of a clock, and fitting a line over the TSC.
#include "board/time_fit.h"

#include <assert.h>
#include <math.h>
#include <string.h>

// What a slewed clock may gain or lose: the kernel's adjtime does 500 ppm, plus the crystal's own
// error.
#define SLEW 600e-6

// Residuals up to this size, beyond the samples' own widths, still fit a line.
#define STRAIGHT_NS 500.0

// A sample this much wider than the best one was interrupted; it cannot confirm the line.
#define WIDE 4
#define WIDE_TICKS 600 // 0.2 us at 3 GHz

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

void time_fit_init(struct time_fit *fit)
{
    memset(fit, 0, sizeof *fit);
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

// Fits the least-squares line over the newest n samples, based at the newest one, and its greatest
// residual. False when no real clock could give such samples.
static bool fit_line(const struct time_fit *fit, uint32_t n, struct time_line *line,
                     double *residual_ns)
{
    const struct time_sample *newest = &fit->sample[fit->n - 1], *at = newest + 1 - n;
    double x[TIME_FIT_SAMPLES], y[TIME_FIT_SAMPLES], mean_x = 0, mean_y = 0;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = -(double)(newest->tsc - at[i].tsc);
        y[i] = (double)(at[i].ns - newest->ns);
        mean_x += x[i] / n;
        mean_y += y[i] / n;
    }
    double xx = 0, xy = 0;
    for (uint32_t i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    double rate = xy / xx;
    if (!(rate >= NS_PER_TICK_MIN && rate <= NS_PER_TICK_MAX)) // false also when it is not a number
        return false;

    double intercept = mean_y - rate * mean_x;
    double worst = 0;
    for (uint32_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(y[i] - (intercept + rate * x[i])));
    double whole = floor(intercept);
    *line = (struct time_line){
        .tsc_base = newest->tsc,
        .base_ns = newest->ns + (int64_t)whole,
        .base_fraction = intercept - whole,
        .ns_per_tick = rate,
    };
    *residual_ns = worst;
    return true;
}

uint64_t time_fit_narrowest(const struct time_fit *fit)
{
    uint64_t width = fit->n == 0 ? 0 : UINT64_MAX;
    for (uint32_t i = 0; i < fit->n; i++)
        if (fit->sample[i].width < width)
            width = fit->sample[i].width;
    return width;
}

// Do the widths of the newest n samples explain this residual?
static bool straight(const struct time_fit *fit, uint32_t n, const struct time_line *line,
                     double residual_ns)
{
    uint64_t widest = 0;
    for (uint32_t i = fit->n - n; i < fit->n; i++)
        if (fit->sample[i].width > widest)
            widest = fit->sample[i].width;
    return residual_ns <= STRAIGHT_NS + (double)widest * line->ns_per_tick / 2;
}

static void forget_all_but(struct time_fit *fit, uint32_t n)
{
    memmove(fit->sample, fit->sample + fit->n - n, n * sizeof *fit->sample);
    fit->n = n;
}

static void append(struct time_fit *fit, const struct time_sample *sample)
{
    if (fit->n == TIME_FIT_SAMPLES)
        forget_all_but(fit, TIME_FIT_SAMPLES - 1);
    fit->sample[fit->n++] = *sample;
}

static void adopt(struct time_fit *fit, const struct time_line *line, double residual_ns)
{
    fit->line = *line;
    fit->error_ns = residual_ns + (double)time_fit_narrowest(fit) * line->ns_per_tick / 2;
    fit->ready = true;
    fit->stepped = false;
}

// The first line needs enough samples that agree; until the newest ones agree, old ones are
// removed.
static bool fit_first(struct time_fit *fit)
{
    struct time_line line;
    double residual_ns;
    if (fit->n < TIME_FIT_FRESH)
        return false;
    forget_all_but(fit, TIME_FIT_FRESH);
    if (!fit_line(fit, fit->n, &line, &residual_ns) || !straight(fit, fit->n, &line, residual_ns))
        return false;
    adopt(fit, &line, residual_ns);
    return true;
}

// Fits the next line over the longest run that is straight: halves the run while it is not. Samples
// before that run had another rate and are removed. The shortest run is accepted even if it is not
// straight, because a slewed clock must still be followed.
static bool fit_next(struct time_fit *fit)
{
    struct time_line line;
    double residual_ns;
    uint32_t n = fit->n;
    for (;;) {
        bool is_line = fit_line(fit, n, &line, &residual_ns);
        if (is_line && (n <= TIME_FIT_SHORT || straight(fit, n, &line, residual_ns)))
            break;
        if (n <= TIME_FIT_SHORT)
            return false;
        n = n / 2 > TIME_FIT_SHORT ? n / 2 : TIME_FIT_SHORT;
    }
    forget_all_but(fit, n);
    adopt(fit, &line, residual_ns);
    return true;
}

// Starts over with one sample; the old rate stays.
static void start_over(struct time_fit *fit, const struct time_sample *sample)
{
    fit->n = 0;
    fit->ready = false;
    fit->stepped = true;
    fit->line.tsc_base = sample->tsc;
    fit->line.base_ns = sample->ns;
    fit->line.base_fraction = 0;
    append(fit, sample);
}

// True for a sample that is much wider than the others: it is left out, but not too many in a row,
// because reading the machine's clock may have become slow for good.
static bool too_wide(struct time_fit *fit, const struct time_sample *sample)
{
    if (fit->n == 0 || sample->width <= WIDE_TICKS ||
        sample->width <= WIDE * time_fit_narrowest(fit) || fit->skipped == TIME_FIT_SKIP) {
        fit->skipped = 0;
        return false;
    }
    fit->skipped++;
    return true;
}

enum time_fit_result time_fit_add(struct time_fit *fit, const struct time_sample *sample)
{
    // First of all, because a wide sample too can prove a step.
    if (fit->ready && time_line_excess(&fit->line, sample, TIME_FIT_SLACK_NS) != 0) {
        start_over(fit, sample);
        return TIME_FIT_STEPPED;
    }
    if (too_wide(fit, sample))
        return TIME_FIT_SKIPPED;
    append(fit, sample);
    if (!fit->ready)
        return fit_first(fit) ? TIME_FIT_GOOD : TIME_FIT_COLLECTING;
    if (fit_next(fit))
        return TIME_FIT_GOOD;
    start_over(fit, sample); // samples that fit no rate
    return TIME_FIT_STEPPED;
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
