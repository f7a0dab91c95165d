// F6, F7, F30: the line of a clock and its bound, over simulated clocks. The bound must hold at
// every query, and be as narrow as the polygon makes it; what is no line must be noticed at once.
//
//   time_fit_random_test [--seed N] [--queries N]
//
// N queries of each clock. What fails names its seed.
#include "board/time_fit.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HZ 2.9e9
#define EPOCH INT64_C(1767225600123456789)
#define PART_NS 5e6 // the simulated rate changes so often, and there is a query each time

enum { TRIES = 8 }; // as time_sample_take

static uint64_t seed = 88172645463325252, queries = 20000;

static uint64_t random_word(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// Between 0 and 1.
static double uniform(uint64_t *state)
{
    return (double)(random_word(state) >> 11) * 0x1p-53;
}

// About normal, with a deviation of 1.
static double normal(uint64_t *state)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return sum - 6;
}

// A clock, and how it is read.
struct kind {
    const char *name;
    struct time_fit_kind fit;
    double wander;      // of its rate, a random walk: share per sqrt(s)
    double slew;        // the rate is changed by as much now and then, and back
    double sandwich_ns; // the narrowest reading takes so long
    double from, to;    // where in the sandwich the clock is read
    double every_ns;    // between two readings
    double median_ns;   // the median bound must not be greater
};

struct sim {
    uint64_t random;
    double t;      // true time in ns
    double ahead;  // the clock less the true time
    double rate;   // of that
    double slewed; // a part of the rate
    double left;   // ns until the slew changes
};

static void pass(struct sim *sim, const struct kind *kind, double ns)
{
    sim->t += ns;
    sim->ahead += ns * (sim->rate + sim->slewed);
    sim->rate += kind->wander * sqrt(ns * 1e-9) * normal(&sim->random);
}

// A slew begins or ends at any moment: back to the base rate after each.
static void pass_slewed(struct sim *sim, const struct kind *kind, double ns)
{
    while (kind->slew > 0 && sim->left < ns) {
        pass(sim, kind, sim->left);
        ns -= sim->left;
        double sign = uniform(&sim->random) < 0.5 ? -1 : 1;
        // At full rate, or one of the small corrections of every day.
        double size = uniform(&sim->random) < 0.5 ? 1 : pow(10, -5 * uniform(&sim->random));
        sim->slewed = sim->slewed == 0 ? sign * size * kind->slew : 0;
        sim->left = 1.2e9 + 5e9 * uniform(&sim->random);
    }
    pass(sim, kind, ns);
    sim->left -= ns;
}

static uint64_t tsc_at(double t)
{
    return (uint64_t)(t * (HZ / 1e9));
}

// One reading of some that are interrupted.
static struct time_sample read_once(struct sim *sim, const struct kind *kind, double stall_ns)
{
    double takes = kind->sandwich_ns * (1 - 0.1 * log(1 - uniform(&sim->random))) + stall_ns;
    double at = sim->t + takes * (kind->from + (kind->to - kind->from) * uniform(&sim->random));
    uint64_t begin = tsc_at(sim->t), end = tsc_at(sim->t + takes);
    double reads = at + sim->ahead + (at - sim->t) * (sim->rate + sim->slewed);
    pass(sim, kind, takes + 100);
    return (struct time_sample){.tsc = begin + (end - begin) / 2,
                                .width = end - begin,
                                .ns = EPOCH + (int64_t)floor(reads)};
}

// The narrowest of several; once in a while all are interrupted.
static struct time_sample read_clock(struct sim *sim, const struct kind *kind)
{
    struct time_sample best = {.width = UINT64_MAX};
    bool all = uniform(&sim->random) < 0.05;
    for (int i = 0; i < TRIES; i++) {
        bool stalls = all || uniform(&sim->random) < 0.05;
        struct time_sample s =
            read_once(sim, kind, stalls ? 7e6 * uniform(&sim->random) + 1000 : 0);
        if (s.width < best.width)
            best = s;
    }
    return best;
}

// The line less the clock, now.
static double error_now(const struct sim *sim, const struct time_fit *fit)
{
    double ticks = (double)(int64_t)(tsc_at(sim->t) - fit->line.tsc_base);
    return ticks * fit->line.ns_per_tick + fit->line.base_fraction +
           (double)(fit->line.base_ns - EPOCH - (int64_t)sim->t) - (sim->t - floor(sim->t)) -
           sim->ahead;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void start(struct sim *sim, struct time_fit *fit, const struct kind *kind)
{
    *sim = (struct sim){.random = seed, .t = 1e9, .rate = 50e-6, .left = 3e9};
    time_fit_init_kind(fit, &kind->fit);
}

// Queries until the next reading, mostly soon, sometimes after a second. A tick is what the
// truncation of the queried time leaves.
static bool query(struct sim *sim, const struct kind *kind, const struct time_fit *fit,
                  double *bounds, uint64_t *n)
{
    double wait = uniform(&sim->random) < 0.01 ? 1e9 : kind->every_ns;
    for (; wait > 0; wait -= PART_NS) {
        pass_slewed(sim, kind, fmin(wait, PART_NS));
        if (!fit->ready || *n == queries)
            continue;
        double bound = time_fit_bound_ns(fit, tsc_at(sim->t)), error = fabs(error_now(sim, fit));
        if (error > bound + 1e9 / HZ) {
            printf("# %s: --seed %" PRIu64 ": off by %.1f ns, bound %.1f ns, at query %" PRIu64
                   ", %.0f ms after the base\n",
                   kind->name, seed, error, bound, *n,
                   (double)(tsc_at(sim->t) - fit->line.tsc_base) / HZ * 1e3);
            return false;
        }
        bounds[(*n)++] = bound;
    }
    return true;
}

static bool bound_holds(const struct kind *kind)
{
    struct sim sim;
    struct time_fit fit;
    uint64_t n = 0;
    double *bounds = calloc(queries, sizeof *bounds);
    bool good = bounds != NULL;
    start(&sim, &fit, kind);
    while (good && n < queries) {
        struct time_sample sample = read_clock(&sim, kind);
        if (time_fit_add(&fit, &sample) == TIME_FIT_STEPPED) {
            printf("# %s: --seed %" PRIu64 ": a step is said\n", kind->name, seed);
            good = false;
        }
        good = good && query(&sim, kind, &fit, bounds, &n);
    }
    if (good) {
        qsort(bounds, n, sizeof *bounds, by_size);
        printf("# %s: bound of %.0f ns at the median, %.0f ns at 99 %%\n", kind->name,
               bounds[n / 2], bounds[n / 100 * 99]);
        good = bounds[n / 2] <= kind->median_ns;
    }
    free(bounds);
    return good;
}

// The versions of clang-format break this line in different ways.
// clang-format off
#define FREE(b)                                                                                    \
    {                                                                                              \
        .bend = (b), .grain = 2                                                                    \
    }
// clang-format on
// The sandwiches of network cards (60 and 300 ns), crystals from good to bad, readings that are
// always near one end; and CLOCK_REALTIME under a program that slews it.
static const struct kind kinds[] = {
    {"1e-9, 60 ns", FREE(20), 1e-9, 0, 60, 0, 1, 100e6, 30},
    {"1e-9, 300 ns", FREE(20), 1e-9, 0, 300, 0, 1, 100e6, 150},
    {"1e-8, 60 ns", FREE(20), 1e-8, 0, 60, 0, 1, 100e6, 30},
    {"1e-8, 300 ns", FREE(20), 1e-8, 0, 300, 0, 1, 100e6, 150},
    {"1e-7, 60 ns", FREE(500), 1e-7, 0, 60, 0, 1, 100e6, 120},
    {"1e-7, 300 ns", FREE(500), 1e-7, 0, 300, 0, 1, 100e6, 300},
    {"1e-9, 300 ns, read at the begin", FREE(20), 1e-9, 0, 300, 0, 0.05, 100e6, 200},
    {"1e-9, 300 ns, read at the end", FREE(20), 1e-9, 0, 300, 0.95, 1, 100e6, 200},
    {"1e-9, 60 ns, read in the middle", FREE(20), 1e-9, 0, 60, 0.45, 0.55, 100e6, 60},
    {"slewed, 30 ns",
     {.bend = 20, .grain = 2, .slew = 600e-6, .follows = 5000e-6},
     0,
     500e-6,
     30,
     0,
     1,
     50e6,
     30e3}, // the slew that may begin at any moment
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

// Faults that end the line of a free clock.
enum fault {
    JUMP_BACK,
    JUMP_AHEAD,
    JUMP_FAR, // from TAI to UTC
    WRAP_32,  // a counter of so many bits
    WRAP_40,
    FASTER, // 100 ppm
    SLOWER,
    FREEZE,
    FAULTS
};

static void break_line(struct sim *sim, double bound_ns, enum fault fault)
{
    static const double jump[FAULTS] = {
        [JUMP_FAR] = -37e9, [WRAP_32] = -0x1p32, [WRAP_40] = -0x1p40};
    sim->ahead += jump[fault];
    if (fault == JUMP_BACK || fault == JUMP_AHEAD)
        sim->ahead += fault == JUMP_BACK ? -bound_ns : bound_ns;
    if (fault == FASTER || fault == SLOWER)
        sim->rate += fault == FASTER ? 100e-6 : -100e-6;
    if (fault == FREEZE)
        sim->rate = -1;
}

// Each fault at a random moment between two readings is noticed by the second reading after it, one
// that moves the clock at once by the first; and there is a new line unless the clock stands still.
static bool faults_are_noticed(const struct kind *kind)
{
    for (unsigned trial = 0; trial < 20 * FAULTS; trial++) {
        struct kind calm = *kind;
        struct sim sim;
        struct time_fit fit;
        enum fault fault = trial % FAULTS;
        start(&sim, &fit, &calm);
        sim.random += trial * UINT64_C(0x9e3779b97f4a7c15);
        for (unsigned i = 0; i < 70 + trial; i++) {
            struct time_sample sample = read_once(&sim, &calm, 0);
            if (time_fit_add(&fit, &sample) == TIME_FIT_STEPPED)
                return false;
            pass(&sim, &calm, calm.every_ns);
        }
        double before = calm.every_ns * uniform(&sim.random);
        pass(&sim, &calm, before);
        // Out of reach of all lines through the gates, with the next reading's own width.
        double bound = time_fit_bound_ns(&fit, tsc_at(sim.t + 2 * calm.every_ns));
        break_line(&sim, 2 * bound + 4 * calm.sandwich_ns, fault);
        pass(&sim, &calm, calm.every_ns - before);
        unsigned took = 0, most = fault == FASTER || fault == SLOWER || fault == FREEZE ? 2 : 1;
        enum time_fit_result result;
        do {
            struct time_sample sample = read_once(&sim, &calm, 0);
            result = time_fit_add(&fit, &sample);
            pass(&sim, &calm, calm.every_ns);
            took++;
        } while (result != TIME_FIT_STEPPED && took < most);
        for (unsigned i = 0; i < 2 * TIME_FIT_FRESH; i++) {
            struct time_sample sample = read_once(&sim, &calm, 0);
            time_fit_add(&fit, &sample);
            pass(&sim, &calm, calm.every_ns);
        }
        if (result == TIME_FIT_STEPPED && fit.ready == (fault != FREEZE))
            continue;
        printf("# %s: --seed %" PRIu64 ": fault %u of trial %u: %s\n", kind->name, seed, fault,
               trial, result == TIME_FIT_STEPPED ? "no new line, or one" : "not noticed");
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--queries") == 0 && i + 1 < argc)
            queries = strtoull(argv[++i], NULL, 10);
        else {
            fputs("usage: time_fit_random_test [--seed N] [--queries N]\n", stderr);
            return EXIT_FAILURE;
        }
    }
    if (seed == 0 || queries < 100) {
        fputs("time_fit_random_test: --seed is 1 or more, --queries 100 or more\n", stderr);
        return EXIT_FAILURE;
    }
    unsigned failed = 0;
    printf("1..%d\n", KINDS + 4);
    for (unsigned i = 0; i < KINDS; i++) {
        bool good = bound_holds(&kinds[i]);
        failed += !good;
        printf("%s %u - the bound holds: %s\n", good ? "ok" : "not ok", i + 1, kinds[i].name);
    }
    for (unsigned i = 0; i < 4; i++) {
        bool good = faults_are_noticed(&kinds[i]);
        failed += !good;
        printf("%s %u - faults are noticed: %s\n", good ? "ok" : "not ok", KINDS + i + 1,
               kinds[i].name);
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
