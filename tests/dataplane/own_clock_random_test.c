// A device's clock and a million requests: 100 ppm fast and slow, 37 s ahead, its rate wandering by
// 1e-8 in a second, read between two readings of the TSC that are 300 ns apart at best and often
// more. Where each request arrived by its stamp, and what the line promised of that.
//
//   own_clock_random_test [--packets N]
#include "board/stamp_line.h"
#include "board/time_fit.h"
#include "dataplane/clock/arrival.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TICKS_PER_NS 2.6
#define TSC0 UINT64_C(987654321987654)
#define UTC0 UINT64_C(0xe800000080000000)
#define OWN0 INT64_C(1785000037123456789)
#define UNIT 4.294967296
#define WANDER 1e-8

enum { READ_MS = 50, NARROWEST_NS = 300, QUANTUM_NS = 8, PACKETS_A_READ = 200, MOST = 1000000 };

static unsigned n_packets = 50000;
static float errors[MOST], bounds[MOST];

// The same on each machine.
static uint64_t seed;

static double any(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 11) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(any() + 1e-300)) * cos(6.283185307179586 * any());
}

// Times in ns since the start: the true one, and the device's, which runs at rate + wander.
static struct world {
    double now, own, rate;
    struct time_fit fit;
    struct stamp_line line;
} w;

static void pass(double ns)
{
    w.now += ns;
    w.own += ns * w.rate;
}

static uint64_t tsc_of(double ns)
{
    return TSC0 + (uint64_t)(ns * TICKS_PER_NS);
}

// A reading: the clock is read at any moment of its sandwich.
static void read_once(void)
{
    const double width =
        NARROWEST_NS - 40 * log(any() + 1e-300) + (any() < 0.02 ? 20000 * any() : 0);
    const double part = width * any();
    const uint64_t before = tsc_of(w.now);
    pass(part);
    const int64_t ns = OWN0 + (int64_t)w.own;
    pass(width - part);
    const uint64_t after = tsc_of(w.now) + 1;
    const struct time_sample sample = {
        .tsc = before + (after - before) / 2, .width = after - before, .ns = ns};
    assert_int_not_equal(time_fit_add(&w.fit, &sample), TIME_FIT_STEPPED);
    if (w.fit.ready)
        w.line = stamp_line_of(&w.fit);
}

// A request, and the poll that finds it some microseconds later.
static void ask(unsigned i)
{
    const struct clock_line utc = {
        .tsc_base = TSC0,
        .utc_base = UTC0,
        .rate = (uint64_t)(UNIT / TICKS_PER_NS * (double)(UINT64_C(1) << CLOCK_RATE_SHIFT)),
    };
    const double arrived = w.now;
    const uint64_t stamp = (uint64_t)(OWN0 + (int64_t)(w.own / QUANTUM_NS) * QUANTUM_NS);
    pass(1000 + 20000 * any());
    const struct arrival_clock clock = arrival_clock_at(&w.line, &utc, tsc_of(w.now));
    ntp_time at;
    assert_true(arrival_utc(&clock, stamp, &at));
    // Differences of dates first.
    const double said = (double)(int64_t)(at - UTC0) / UNIT;
    errors[i] = (float)fabs(said - arrived);
    bounds[i] = (float)arrival_error_ns(&clock, stamp);
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void run(double ppm)
{
    w = (struct world){.rate = 1 + ppm / 1e6};
    seed = (uint64_t)(int64_t)ppm;
    time_fit_init_kind(&w.fit, &time_fit_free);
    for (unsigned i = 0; i < TIME_FIT_SAMPLES; i++) {
        read_once();
        pass(READ_MS * 1e6);
    }
    unsigned broken = 0;
    for (unsigned i = 0; i < n_packets; i++) {
        if (i % PACKETS_A_READ == 0) {
            read_once();
            w.rate += normal() * WANDER * sqrt(READ_MS / 1000.0);
        }
        ask(i);
        // The stamp's own grain, and those of UTC and of the line's rate.
        broken += errors[i] > bounds[i] + QUANTUM_NS + 2;
        pass((READ_MS * 1e6 - 20000) / PACKETS_A_READ - 11000);
    }
    qsort(errors, n_packets, sizeof *errors, compare);
    qsort(bounds, n_packets, sizeof *bounds, compare);
    print_message("# %+.0f ppm, %u requests: error p50 %.0f p99 %.0f most %.0f ns, bound p50 %.0f "
                  "most %.0f ns, %u beyond it\n",
                  ppm, n_packets, (double)errors[n_packets / 2],
                  (double)errors[n_packets - n_packets / 100], (double)errors[n_packets - 1],
                  (double)bounds[n_packets / 2], (double)bounds[n_packets - 1], broken);
    assert_int_equal(broken, 0);
    assert_true(errors[n_packets - n_packets / 100] <= 1000);
    assert_true(bounds[n_packets / 2] <= NARROWEST_NS / 2);
}

static void fast(void **state)
{
    (void)state;
    run(100);
}

static void slow(void **state)
{
    (void)state;
    run(-100);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--packets") == 0)
        n_packets = (unsigned)strtoul(argv[2], NULL, 10);
    if (n_packets < 1000 || n_packets > MOST)
        n_packets = MOST;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(fast), cmocka_unit_test(slow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
