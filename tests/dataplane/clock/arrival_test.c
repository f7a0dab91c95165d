// When a frame arrived by its stamp: RSP-12, RSP-13, F30.
#include "dataplane/clock/arrival.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define HZ UINT64_C(2600000000)
#define STAMP0 UINT64_C(86400000000000) // a machine that is up for a day
#define TSC0 UINT64_C(987654321987654)
#define UTC0 UINT64_C(0xe800000080000000)
#define US UINT64_C(2600) // ticks
#define NS 4.294967296    // in units of 2^-32 s

static struct stamp_line line = {
    .stamp_base = STAMP0,
    .tsc_base = TSC0,
    .until = TSC0 + 100 * HZ,
    .bound_ns = 38,
};
static struct clock_line utc = {.tsc_base = TSC0, .utc_base = UTC0};

static int open(void **unused)
{
    (void)unused;
    line.rate = (uint64_t)(2.6 * (double)(UINT64_C(1) << STAMP_RATE_SHIFT));
    utc.rate = (uint64_t)(NS / 2.6 * (double)(UINT64_C(1) << CLOCK_RATE_SHIFT));
    return 0;
}

// Where the stamp of a frame that was found at `polled` says that it arrived, in ns from UTC0 on;
// false when it is refused.
static bool arrival(uint64_t stamp, uint64_t polled, double *ns)
{
    struct arrival_clock clock = arrival_clock_at(&line, &utc, polled);
    ntp_time at;
    bool good = arrival_utc(&clock, stamp, &at);
    *ns = (double)(int64_t)(at - UTC0) / NS;
    return good;
}

static bool near(double ns, double wanted)
{
    return ns > wanted - 2 && ns < wanted + 2;
}

static void a_good_stamp_is_the_arrival(void **unused)
{
    (void)unused;
    double ns;
    assert_true(arrival(STAMP0 + 1000, TSC0 + 50 * US, &ns));
    assert_true(near(ns, 1000));
    // 100 ms and 7 s ago: the core was away, and the frame waited.
    assert_true(arrival(STAMP0 + 17, TSC0 + HZ / 10, &ns));
    assert_true(near(ns, 17));
    assert_true(arrival(STAMP0, TSC0 + 7 * HZ, &ns));
    assert_true(ns > -20 && ns < 20); // the rate's last bit, over 7 s
}

// Before the line's base and long after it.
static void the_line_holds_on_both_sides(void **unused)
{
    (void)unused;
    double ns;
    for (int64_t ms = -5000; ms <= 90000; ms += 333) {
        uint64_t polled = (uint64_t)((int64_t)TSC0 + ms * (int64_t)(HZ / 1000)) + 10 * US;
        assert_true(arrival(STAMP0 + (uint64_t)(ms * 1000000), polled, &ns));
        assert_true(ns > (double)ms * 1e6 - 20 && ns < (double)ms * 1e6 + 20);
    }
}

// The clocks may run at different rates: a slewed one counts more nanoseconds than there are.
static void both_rates_count(void **unused)
{
    (void)unused;
    double ns;
    line.rate = (uint64_t)(2.6 / 1.0005 * (double)(UINT64_C(1) << STAMP_RATE_SHIFT));
    utc.rate = (uint64_t)(NS * 1.0005 / 2.6 * (double)(UINT64_C(1) << CLOCK_RATE_SHIFT));
    assert_true(arrival(STAMP0 + 5000000, TSC0 + HZ / 100, &ns));
    assert_true(near(ns, 5000000));
    open(NULL);
}

// RSP-12: never before the true arrival, and never after the look that found the frame.
static void a_stamp_just_ahead_is_the_look(void **unused)
{
    (void)unused;
    double ns;
    assert_true(arrival(STAMP0 + 1500, TSC0, &ns));
    assert_true(ns == 0);
}

static void what_cannot_be_is_refused(void **unused)
{
    (void)unused;
    double ns;
    assert_false(arrival(STAMP0 + 2100, TSC0, &ns));                         // of the future
    assert_false(arrival(STAMP0 + UINT64_C(5000000000), TSC0, &ns));         // far off
    assert_false(arrival(STAMP0, TSC0 + (ARRIVAL_AGE_MAX_S + 1) * HZ, &ns)); // of long ago
    assert_false(arrival(0, TSC0, &ns));
    assert_false(arrival(UINT64_MAX, TSC0, &ns));
    assert_false(arrival(STAMP0 + (UINT64_C(1) << 63), TSC0, &ns));
}

static void without_a_line_none_is_believed(void **unused)
{
    (void)unused;
    double ns;
    struct stamp_line good = line;
    line = (struct stamp_line){0};
    assert_false(arrival(STAMP0, TSC0, &ns));
    assert_false(arrival(0, 0, &ns));
    line = good;
    line.until = TSC0;
    assert_false(arrival(STAMP0, TSC0, &ns));
    assert_true(arrival(STAMP0 - 1000, TSC0 - 1, &ns));
    line = good;
}

// F30: a time is wrong by the line's bound at its base, by more the further away from there the
// poll is, and by more the longer ago the frame arrived.
static void the_error_grows_with_the_ages(void **unused)
{
    (void)unused;
    struct stamp_line good = line;
    line.growth_ppb = 600000; // 600 us a second
    for (int side = -1; side <= 1; side += 2) {
        uint64_t polled = TSC0 + (uint64_t)(side * (int64_t)HZ / 10);
        struct arrival_clock clock = arrival_clock_at(&line, &utc, polled);
        assert_in_range(clock.error_ns, 60038, 60040);
        assert_int_equal(clock.slack, clock.error_ns + ARRIVAL_SLACK_NS);
        assert_in_range(arrival_error_ns(&clock, clock.now), 60038, 60041);
        assert_in_range(arrival_error_ns(&clock, clock.now - 50000000), 90038, 90042);
        // A refused stamp counts as the oldest stamp that is accepted.
        assert_in_range(arrival_error_ns(&clock, clock.now - UINT64_C(1) * NS_PER_S * 9), 4860000,
                        4860100);
        assert_in_range(arrival_error_ns(&clock, 0), 4860000, 4860100);
        assert_in_range(arrival_error_ns(&clock, UINT64_MAX), 4860000, 4860100);
    }
    // A slew that has begun since makes good stamps look later than the poll.
    double ns;
    assert_true(arrival(STAMP0 + 100000000 + 59000, TSC0 + HZ / 10, &ns));
    assert_false(arrival(STAMP0 + 100000000 + 63000, TSC0 + HZ / 10, &ns));
    line = good;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_stamp_is_the_arrival),
        cmocka_unit_test(the_line_holds_on_both_sides),
        cmocka_unit_test(both_rates_count),
        cmocka_unit_test(a_stamp_just_ahead_is_the_look),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(without_a_line_none_is_believed),
        cmocka_unit_test(the_error_grows_with_the_ages),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("clock/arrival", tests, open, NULL);
}
