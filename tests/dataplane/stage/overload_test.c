// The overload ladder: what time does to pressure, and which rung it is on.
#include "dataplane/stage/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HZ = 2000000000, MS = HZ / 1000, US = MS / 1000 };

// Turns of 100 us, all full or all drained; returns the last rung.
static enum overload_rung turns(struct overload *o, uint64_t *tsc, unsigned n, bool full)
{
    enum overload_rung rung = OVERLOAD_NONE;
    for (unsigned i = 0; i < n; i++)
        rung = overload_note(o, *tsc += 100 * US, HZ, full ? i + 2 : 0);
    return rung;
}

static void rungs_are_climbed_in_their_order(void **state)
{
    (void)state;
    struct overload o = {0};
    uint64_t tsc = 12345;
    assert_int_equal(overload_note(&o, tsc, HZ, 2), OVERLOAD_NONE);
    assert_int_equal(turns(&o, &tsc, 9, true), OVERLOAD_NONE);
    assert_int_equal(turns(&o, &tsc, 1, true), OVERLOAD_NO_NAKS); // 1 ms
    assert_int_equal(turns(&o, &tsc, 39, true), OVERLOAD_NO_NAKS);
    assert_int_equal(turns(&o, &tsc, 1, true), OVERLOAD_LEAK); // 5 ms
    assert_int_equal(turns(&o, &tsc, 149, true), OVERLOAD_LEAK);
    assert_int_equal(turns(&o, &tsc, 1, true), OVERLOAD_SHARE); // 20 ms
    assert_int_equal(overload_share(&o, HZ), OVERLOAD_ONE);
    turns(&o, &tsc, 50, true);
    assert_int_equal(overload_share(&o, HZ), OVERLOAD_ONE / 2); // 25 ms
    turns(&o, &tsc, 25, true);
    assert_int_equal(overload_share(&o, HZ), OVERLOAD_ONE * 3 / 8); // between a half and a quarter
    turns(&o, &tsc, 100000, true);
    assert_int_equal(overload_share(&o, HZ), OVERLOAD_ONE >> OVERLOAD_HALVES); // never none
}

static void pressure_falls_slowly_and_wholly(void **state)
{
    (void)state;
    struct overload o = {0};
    uint64_t tsc = 1;
    turns(&o, &tsc, 1000, true);
    // 60 ms fall to 20 in 640 ms, to 1 in 944, and to nothing in 960.
    assert_int_equal(turns(&o, &tsc, 6390, false), OVERLOAD_SHARE);
    assert_int_equal(turns(&o, &tsc, 20, false), OVERLOAD_LEAK);
    assert_int_equal(turns(&o, &tsc, 3200, false), OVERLOAD_NONE);
    assert_int_equal(o.pressure, 0);
    assert_int_equal(overload_share(&o, HZ), OVERLOAD_ONE);
}

// After idle time one large burst is no overload, nor is one long turn.
static void a_burst_or_a_pause_is_no_pressure(void **state)
{
    (void)state;
    struct overload o = {0};
    uint64_t tsc = 1;
    overload_note(&o, tsc, HZ, 0);
    assert_int_equal(overload_note(&o, tsc += (uint64_t)3600 * HZ, HZ, 1), OVERLOAD_NONE);
    assert_int_equal(o.pressure, 0);
    assert_int_equal(overload_note(&o, tsc += 500 * (uint64_t)MS, HZ, 2), OVERLOAD_NO_NAKS);
    assert_int_equal(o.pressure, MS); // held up for half a second: it counts as 1 ms
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rungs_are_climbed_in_their_order),
        cmocka_unit_test(pressure_falls_slowly_and_wholly),
        cmocka_unit_test(a_burst_or_a_pause_is_no_pressure),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
