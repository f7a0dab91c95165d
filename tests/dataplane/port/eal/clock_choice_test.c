// Which clock of a device its stamps are in: RSP-12, F30. A clock is believed only if the stamps
// agree with it.
#include "dataplane/port/eal/clock_choice.h"
#include "dataplane/port/eal/dpdk_clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HZ 2.5e9
enum { S_MS = 1000 };

// A clock as a function of the TSC.
struct clock {
    double offset; // units
    double unit_hz;
    bool is_kernel;
};

static struct clock_choice choice;

static int open(void **state)
{
    (void)state;
    memset(&choice, 0, sizeof choice);
    return 0;
}

static uint64_t at(const struct clock *clock, uint64_t tsc)
{
    return (uint64_t)(int64_t)(clock->offset + (double)tsc / HZ * clock->unit_hz);
}

// For that long: both clocks are read every 50 ms; every 5 ms a frame is polled, age_us after it
// was stamped by the clock `stamps`. A NULL clock cannot be read.
static void run(const struct clock *timesync, const struct clock *read, const struct clock *stamps,
                double age_us, unsigned from_ms, unsigned to_ms)
{
    for (unsigned ms = from_ms; ms < to_ms; ms += 5) {
        const uint64_t tsc = (uint64_t)((ms + 1000) * (HZ / S_MS));
        const struct clock *const clock[] = {timesync, read};
        for (unsigned i = 0; i < CLOCK_CANDIDATES && ms % 50 == 0; i++) {
            if (!clock[i])
                continue;
            const struct choice_reading reading = {
                tsc, 2500, at(clock[i], tsc), (uint64_t)(ms + 77) * 1000000, clock[i]->is_kernel};
            clock_choice_reading(&choice, i, &reading);
        }
        const uint64_t polled = tsc + 5000;
        clock_choice_stamp(
            &choice,
            &(struct choice_stamp){at(stamps, polled - (uint64_t)(age_us * HZ / 1e6)), polled});
    }
}

static const struct clock phc = {1e18, 1e9, false};
static const struct clock fast = {5e18, 1e9 * (1 + 100e-6), false};
static const struct clock raw = {4e12, 1e9, true};
static const struct clock ticks = {123456789, 312.5e6, false};

static void the_one_that_reads_the_stamps_clock_is_chosen(void **state)
{
    (void)state;
    run(&phc, &raw, &phc, 3, 0, 4000);
    assert_true(choice.made);
    assert_int_equal(choice.chosen, CLOCK_TIMESYNC);
    assert_true(choice.ns_per_unit == 1);
    assert_true(clock_choice_is_kernel(&choice, CLOCK_READ));
    assert_false(clock_choice_is_kernel(&choice, CLOCK_TIMESYNC));

    open(NULL);
    run(&phc, &fast, &fast, 3, 0, 4000);
    assert_true(choice.made);
    assert_int_equal(choice.chosen, CLOCK_READ);
    assert_true(choice.ns_per_unit == 1); // 100 ppm is a crystal, not a unit
}

static void a_frequency_is_found_out(void **state)
{
    (void)state;
    run(NULL, &ticks, &ticks, 3, 0, 4000);
    assert_true(choice.made);
    assert_int_equal(choice.chosen, CLOCK_READ);
    assert_true(fabs(choice.ns_per_unit - 3.2) < 1e-4);
}

static void some_seconds_are_needed(void **state)
{
    (void)state;
    run(&phc, NULL, &phc, 3, 0, 1800);
    assert_false(choice.made);
    run(&phc, NULL, &phc, 3, 1800, 3500);
    assert_true(choice.made);
}

// Another epoch, another rate, stamps in the future, stamps of long ago.
static void what_the_stamps_do_not_show_is_not_believed(void **state)
{
    (void)state;
    const struct clock ahead = {1e18 + 37e9, 1e9, false}, slow = {1e18, 1e9 * (1 - 0.01), false};
    const struct clock near = {1e18 + 20e3, 1e9, false};
    run(&phc, &raw, &ahead, 3, 0, 6000);
    assert_false(choice.made);
    open(NULL);
    run(&phc, &raw, &slow, 3, 0, 6000);
    assert_false(choice.made);
    open(NULL);
    run(&phc, &raw, &near, 3, 0, 6000); // 17 us in the future
    assert_false(choice.made);
    open(NULL);
    run(&phc, NULL, &phc, 5000, 0, 6000); // always 5 ms old
    assert_false(choice.made);
}

// The kernel's clock is none of a device's, also when the stamps are in it.
static void the_kernels_clock_is_refused(void **state)
{
    (void)state;
    run(NULL, &raw, &raw, 3, 0, 6000);
    assert_false(choice.made);
}

// A core that is held up for most of the time: the youngest stamp of each window counts.
static void held_up_cores_do_not_prevent_it(void **state)
{
    (void)state;
    for (unsigned ms = 0; ms < 4000; ms += 50) {
        run(&phc, NULL, &phc, 9000, ms, ms + 45);
        run(&phc, NULL, &phc, 100, ms + 45, ms + 50);
    }
    assert_true(choice.made);
}

// Both functions read the stamps' clock. The first readings of timesync were disturbed, so that
// read_clock convinces first: timesync is chosen all the same, since departures are told in it.
static void timesync_is_preferred(void **state)
{
    (void)state;
    const struct clock disturbed = {1e18 - 5e6, 1e9, false};
    run(&disturbed, &phc, &phc, 3, 0, 1000);
    run(&phc, &phc, &phc, 3, 1000, 8000);
    assert_true(choice.made);
    assert_int_equal(choice.chosen, CLOCK_TIMESYNC);
}

// To the nanosecond, over days; and back, never earlier.
static void a_unit_is_turned_round(void **state)
{
    (void)state;
    const struct clock_unit unit = clock_unit_of(1000000, 3.2);
    for (uint64_t value = 1000; value < UINT64_C(1) << 47; value = value * 3 + 1) {
        const uint64_t ns = clock_unit_ns(&unit, value);
        const double wanted = ((double)value - 1000000) * 3.2;
        assert_true(fabs((double)(int64_t)ns - wanted) < 1 + fabs(wanted) * 1e-9);
        const uint64_t back = clock_unit_value(&unit, ns);
        assert_in_range(back, value, value + 1);
        assert_true((int64_t)clock_unit_ns(&unit, back) >= (int64_t)ns);
    }
    const struct clock_unit none = clock_unit_of(7, 1);
    assert_int_equal(clock_unit_ns(&none, 99), 99);
    assert_int_equal(clock_unit_value(&none, 99), 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_one_that_reads_the_stamps_clock_is_chosen, open),
        cmocka_unit_test_setup(a_frequency_is_found_out, open),
        cmocka_unit_test_setup(some_seconds_are_needed, open),
        cmocka_unit_test_setup(what_the_stamps_do_not_show_is_not_believed, open),
        cmocka_unit_test_setup(the_kernels_clock_is_refused, open),
        cmocka_unit_test_setup(held_up_cores_do_not_prevent_it, open),
        cmocka_unit_test_setup(timesync_is_preferred, open),
        cmocka_unit_test_setup(a_unit_is_turned_round, open),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("port/eal/clock_choice", tests, NULL, NULL);
}
