// A time as a reading of a device's clock, never too early: RSP-12.
#include "dataplane/clock/launch.h"

#include "base/ntp_time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct stamp_line line_of(double ticks_per_ns, uint32_t bound_ns, uint32_t growth_ppb)
{
    return (struct stamp_line){
        .stamp_base = UINT64_C(1700000000000000000),
        .tsc_base = UINT64_C(1) << 50,
        .rate = (uint64_t)(ticks_per_ns * (double)(UINT64_C(1) << STAMP_RATE_SHIFT)),
        .until = (UINT64_C(1) << 50) + (UINT64_C(1) << 40),
        .bound_ns = bound_ns,
        .growth_ppb = growth_ppb,
    };
}

// A clock that is as far behind or ahead of the line as the line's bound allows: what it lets go at
// the reading leaves at that TSC or later, by twice the bound at most.
static void no_frame_leaves_early(void **state)
{
    (void)state;
    static const double rate[] = {0.4, 1, 2.5, 4.7};
    for (unsigned r = 0; r < 4; r++) {
        const struct stamp_line line = line_of(rate[r], 30, 1000);
        for (int64_t since = -1000000; since < 3000000000; since += 9999991) {
            const uint64_t tsc = line.tsc_base + (uint64_t)since;
            const uint64_t reading = launch_at(&line, tsc);
            const double error = launch_error_ns(&line, tsc);
            const double at_ns = (double)(int64_t)(reading - line.stamp_base);
            const double wanted_ns = (double)since / rate[r];
            assert_true(at_ns - error >= wanted_ns - 0.01); // of the clock that is furthest ahead
            assert_true(at_ns - error <= wanted_ns + 1.01);
            assert_true(fabs(error - 30 - 1e-6 * fabs(wanted_ns)) < 0.01);
        }
    }
}

static void a_line_leads_back(void **state)
{
    (void)state;
    const struct stamp_line line = line_of(2.5, 0, 0);
    for (uint64_t since = 0; since < 2500000000; since += 1234567) {
        const uint64_t reading = launch_at(&line, line.tsc_base + since);
        assert_in_range(launch_left(&line, reading) - line.tsc_base, since, since + 3);
    }
}

static void without_a_line_there_is_no_time(void **state)
{
    (void)state;
    const struct stamp_line none = {0};
    struct stamp_line line = line_of(2.5, 0, 0);
    assert_int_equal(launch_at(&none, 1000), 0);
    assert_true(launch_at(&line, line.until - 1) != 0);
    assert_int_equal(launch_at(&line, line.until), 0); // void by then
    assert_int_equal(launch_at(&line, line.until + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_frame_leaves_early),
        cmocka_unit_test(a_line_leads_back),
        cmocka_unit_test(without_a_line_there_is_no_time),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("clock/launch", tests, NULL, NULL);
}
