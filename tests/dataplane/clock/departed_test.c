// When a frame left, by the stamp of its device's clock: never later than it truly left (RSP-12),
// and refused when it cannot be true (IL-10).
#include "dataplane/clock/departed.h"

#include "dataplane/clock/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HZ UINT64_C(2600000000)
#define NS_PER_TICK (1 / 2.6)
#define TSC0 UINT64_C(987654321987654)
#define UTC0 UINT64_C(0xe800000080000000)
#define DEVICE0 UINT64_C(1785000037123456789) // it keeps TAI
#define FAST 1.00009                          // so much faster than the TSC's nanoseconds
#define UNIT 4.294967296                      // of 2^-32 s in a ns

enum { BOUND_NS = 25, GROWTH_PPB = 2000 };

static const struct clock_line utc = {
    .tsc_base = TSC0,
    .utc_base = UTC0,
    .rate = (uint64_t)(UNIT / 2.6 * (double)(UINT64_C(1) << CLOCK_RATE_SHIFT)),
};

static struct stamp_line device_line(void)
{
    return (struct stamp_line){
        .stamp_base = DEVICE0,
        .tsc_base = TSC0,
        .rate = (uint64_t)((double)(UINT64_C(1) << STAMP_RATE_SHIFT) * 2.6 / FAST),
        .until = TSC0 + HZ,
        .bound_ns = BOUND_NS,
        .growth_ppb = GROWTH_PPB,
    };
}

// Ticks of so many ns since TSC0.
static uint64_t at(int64_t ns)
{
    return TSC0 + (uint64_t)(int64_t)floor((double)ns * 2.6);
}

// A frame that left so many ns after TSC0, sent 3 us before, whose stamp was read 8 us after. The
// device's clock is off_ns from its line.
static struct port_departure left_at(int64_t ns, int64_t off_ns)
{
    return (struct port_departure){
        .ticket = 7,
        .known = true,
        .hardware = true,
        .began = at(ns - 3000),
        .tsc = at(ns + 8000),
        .stamp = DEVICE0 + (uint64_t)(int64_t)floor((double)ns * FAST) + (uint64_t)off_ns,
    };
}

static void never_after_the_true_departure(void **state)
{
    (void)state;
    const struct stamp_line line = device_line();
    for (int64_t ns = -400000000; ns <= 900000000; ns += 7654321) {
        const int64_t most = BOUND_NS + (int64_t)(fabs((double)ns) * GROWTH_PPB / 1e9);
        for (int64_t off_ns = -most; off_ns <= most; off_ns += most) {
            const struct port_departure departure = left_at(ns, off_ns);
            uint64_t left;
            const ntp_time got = departed_utc(&utc, &line, NS_PER_TICK, &departure, &left);
            const int64_t late_ticks = (int64_t)(left - at(ns));
            assert_true(late_ticks <= 0);
            assert_true(-late_ticks <= (2 * most + 5) * 2.6);
            assert_true(got == clock_utc(&utc, left) - 1);
        }
    }
}

static ntp_time told(const struct stamp_line *line, const struct port_departure *departure)
{
    uint64_t left;
    const ntp_time got = departed_utc(&utc, line, NS_PER_TICK, departure, &left);
    if (got == 0)
        assert_true(left == departure->tsc);
    return got;
}

static void what_cannot_be_true_is_refused(void **state)
{
    (void)state;
    const struct stamp_line line = device_line();
    struct stamp_line none = {0};
    struct port_departure departure = left_at(1000000, 0);

    assert_true(told(&line, &departure) != 0);
    assert_true(told(&none, &departure) == 0);
    none = line;
    none.until = departure.tsc; // nobody has read the clock for long
    assert_true(told(&none, &departure) == 0);

    departure = left_at(1000000, 3000 + BOUND_NS); // later than sent, earlier than read
    assert_true(told(&line, &departure) != 0);
    departure = left_at(1000000, 8000 + 2 * BOUND_NS); // read before it was made
    assert_true(told(&line, &departure) == 0);
    departure = left_at(1000000, -3000 - 2 * BOUND_NS); // another frame's
    assert_true(told(&line, &departure) == 0);
    departure = left_at(1000000, -37 * INT64_C(1000000000)); // the clock was set
    assert_true(told(&line, &departure) == 0);
    departure = left_at(1000000, 37 * INT64_C(1000000000));
    assert_true(told(&line, &departure) == 0);

    departure = left_at(1000000, 0);
    departure.known = false;
    assert_true(told(&line, &departure) == 0);
}

// What the line leaves open is not taken off beyond the moment at which it was sent.
static void never_before_it_was_sent(void **state)
{
    (void)state;
    const struct stamp_line line = device_line();
    struct port_departure departure = left_at(1000000, 0);
    uint64_t left;
    departure.began = at(1000000 - 10);
    assert_true(departed_utc(&utc, &line, NS_PER_TICK, &departure, &left) != 0);
    assert_true(left == departure.began);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_after_the_true_departure),
        cmocka_unit_test(what_cannot_be_true_is_refused),
        cmocka_unit_test(never_before_it_was_sent),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
