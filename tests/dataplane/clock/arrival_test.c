// When a frame arrived by its stamp: RSP-12, RSP-13, F30.
#include "dataplane/clock/arrival.h"

#include "board/ntp_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define HZ UINT64_C(2600000000)
#define STAMP0 UINT64_C(86400000000000) // a machine that is up for a day
#define TSC0 UINT64_C(987654321987654)
#define US 2600 // ticks

static struct stamp_line line = {
    .stamp_base = STAMP0,
    .tsc_base = TSC0,
    .until = TSC0 + 100 * HZ,
    .error = 100,
};

static int open(void **unused)
{
    (void)unused;
    line.rate = (uint64_t)(2.6 * (double)(UINT64_C(1) << STAMP_RATE_SHIFT));
    return 0;
}

static bool arrival(uint64_t stamp, uint64_t polled, uint64_t *tsc)
{
    return arrival_of(&line, stamp, polled, HZ, tsc);
}

static void a_stamp_is_a_tick(void **unused)
{
    (void)unused;
    for (int64_t ms = -5000; ms <= 90000; ms += 333) {
        int64_t wanted = (int64_t)TSC0 + ms * (int64_t)(HZ / 1000);
        int64_t got = (int64_t)arrival_tsc(&line, STAMP0 + (uint64_t)(ms * 1000000));
        assert_true(llabs(got - wanted) <= 2);
    }
}

static void a_good_stamp_is_the_arrival(void **unused)
{
    (void)unused;
    uint64_t tsc;
    assert_true(arrival(STAMP0 + 1000, TSC0 + 50 * US, &tsc));
    assert_in_range(tsc, TSC0 + US - 1, TSC0 + US + 1);
    // 100 ms and 7 s ago: the core was away, and the frame waited.
    assert_true(arrival(STAMP0, TSC0 + HZ / 10, &tsc));
    assert_in_range(tsc, TSC0 - 1, TSC0 + 1);
    assert_true(arrival(STAMP0, TSC0 + 7 * HZ, &tsc));
}

// RSP-12: never before the true arrival, and never after the look that found the frame.
static void a_stamp_just_ahead_is_the_look(void **unused)
{
    (void)unused;
    uint64_t tsc;
    assert_true(arrival(STAMP0 + 1500, TSC0, &tsc));
    assert_true(tsc == TSC0);
}

static void what_cannot_be_is_refused(void **unused)
{
    (void)unused;
    uint64_t tsc;
    assert_false(arrival(STAMP0 + 2100, TSC0, &tsc));                         // of the future
    assert_false(arrival(STAMP0 + UINT64_C(5000000000), TSC0, &tsc));         // far off
    assert_false(arrival(STAMP0, TSC0 + (ARRIVAL_AGE_MAX_S + 1) * HZ, &tsc)); // of long ago
    assert_false(arrival(0, TSC0, &tsc));
    assert_false(arrival(UINT64_MAX, TSC0, &tsc));
    assert_false(arrival(STAMP0 + (UINT64_C(1) << 63), TSC0, &tsc));
}

static void without_a_line_none_is_believed(void **unused)
{
    (void)unused;
    uint64_t tsc;
    static const struct stamp_line none;
    assert_false(arrival_of(&none, STAMP0, TSC0, HZ, &tsc));
    assert_false(arrival_of(&none, 0, 0, HZ, &tsc));
    struct stamp_line old = line;
    old.until = TSC0;
    assert_false(arrival_of(&old, STAMP0, TSC0, HZ, &tsc));
    assert_true(arrival_of(&old, STAMP0 - 1000, TSC0 - 1, HZ, &tsc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_is_a_tick),
        cmocka_unit_test(a_good_stamp_is_the_arrival),
        cmocka_unit_test(a_stamp_just_ahead_is_the_look),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(without_a_line_none_is_believed),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("clock/arrival", tests, open, NULL);
}
