// A reading of a PHC beside a clock of the system's, as a sample over the TSC: whatever the two
// clocks did, the true tick is within the sample's width, or the reading is refused.
#include "dataplane/port/xdp/device_clock.h"

#include "base/phc_read.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TICKS_PER_NS 2.6
#define TSC0 UINT64_C(987654321987654)
#define SYSTEM0 INT64_C(1785000000123456789)
#define PHC0 INT64_C(1785000037000000000)

// The system's clock, `ns` of true time after TSC0, at that share of its rate.
static int64_t system_at(double ns, double slew)
{
    return SYSTEM0 + (int64_t)floor(ns * (1 + slew));
}

static struct time_sample sample_at(double ns, double slew)
{
    return (struct time_sample){
        .tsc = TSC0 + (uint64_t)(ns * TICKS_PER_NS),
        .width = 60,
        .ns = system_at(ns, slew),
    };
}

// A PHC that is read at 41.234 us, between 41.2 and 41.27 us; the system's clock was read before at
// 0 and after at 80 us.
static int read_at(double slew, double allowed, double step, struct time_sample *sample)
{
    const struct phc_reading reading = {
        .before_ns = system_at(41200, slew) + (int64_t)step,
        .phc_ns = PHC0 + 41234,
        .after_ns = system_at(41270, slew) + (int64_t)step,
    };
    const struct time_sample before = sample_at(0, slew);
    struct time_sample after = sample_at(80000, slew);
    after.ns += (int64_t)step;
    return device_clock_sample(&reading, &before, &after, 1 / TICKS_PER_NS, allowed, sample);
}

static double off_ticks(const struct time_sample *sample)
{
    return fabs((double)(int64_t)(sample->tsc - TSC0) - 41234 * TICKS_PER_NS);
}

static void the_true_tick_is_within(void **state)
{
    (void)state;
    struct time_sample sample;
    assert_int_equal(read_at(0, 0, 0, &sample), 0);
    assert_int_equal(sample.ns, PHC0 + 41234);
    assert_true(off_ticks(&sample) <= (double)sample.width / 2);
    assert_true((double)sample.width < 70 * TICKS_PER_NS + 60 + 12);
}

// CLOCK_REALTIME may be slewed: the sample is a little wider.
static void a_slew_widens_it(void **state)
{
    (void)state;
    struct time_sample sample;
    for (double slew = -0.005; slew <= 0.005; slew += 0.0025) {
        assert_int_equal(read_at(slew, 0.005, 0, &sample), 0);
        assert_true(off_ticks(&sample) <= (double)sample.width / 2);
        assert_true((double)sample.width < 2 * (70 + 400) * TICKS_PER_NS);
    }
}

static void a_step_is_refused(void **state)
{
    (void)state;
    struct time_sample sample = {.ns = 7};
    static const double steps[] = {-1e9, -700, 700, 1e9};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        assert_int_equal(read_at(0, 0.005, steps[i], &sample), -EAGAIN);
    assert_int_equal(read_at(0.01, 0, 0, &sample), -EAGAIN); // and a rate that it cannot have
    assert_int_equal(sample.ns, 7);
}

static void what_is_not_between_is_refused(void **state)
{
    (void)state;
    const struct time_sample before = sample_at(0, 0), after = sample_at(80000, 0);
    static const struct phc_reading readings[] = {
        {SYSTEM0 - 1000, PHC0, SYSTEM0 + 1000},
        {SYSTEM0 + 79000, PHC0, SYSTEM0 + 81000},
        {SYSTEM0 + 5000, PHC0, SYSTEM0 + 4000},
    };
    struct time_sample sample;
    for (size_t i = 0; i < sizeof readings / sizeof readings[0]; i++)
        assert_int_equal(
            device_clock_sample(&readings[i], &before, &after, 1 / TICKS_PER_NS, 0, &sample),
            -EAGAIN);
}

static void no_descriptor_no_clock(void **state)
{
    (void)state;
    struct device_clock device;
    assert_false(device_clock_open(&device, -1, NULL));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_true_tick_is_within), cmocka_unit_test(a_slew_widens_it),
        cmocka_unit_test(a_step_is_refused),       cmocka_unit_test(what_is_not_between_is_refused),
        cmocka_unit_test(no_descriptor_no_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
