// The arithmetic of the line from TSC to UTC.
#include "board/time_fit.h"

#include "dataplane/clock/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HZ UINT64_C(2900000000)
#define EPOCH INT64_C(1767225600123456789)
#define TSC0 UINT64_C(123456789012345)

enum { MS = 1000000 };

// The sample of a clock that runs ppm fast, ns after the start (a multiple of 10), width ticks
// wide.
static struct time_sample sample_at(int64_t ns, double ppm, uint64_t width)
{
    return (struct time_sample){
        .tsc = TSC0 + (uint64_t)ns / 10 * (HZ / 100000000),
        .width = width,
        .ns = EPOCH + ns + llrint((double)ns * ppm / 1e6),
    };
}

static double error_ns(const struct time_fit *fit, const struct time_sample *truth)
{
    struct clock_line line = time_line_encode(&fit->line);
    ntp_time utc = ntp_time_from_unix(truth->ns / NS_PER_S, (uint32_t)(truth->ns % NS_PER_S));
    return (double)(int64_t)(clock_utc(&line, truth->tsc) - utc) / 4.294967296;
}

static void first_line_needs_a_dozen_samples(void **state)
{
    (void)state;
    struct time_fit fit;
    time_fit_init(&fit);
    for (int i = 0; i < TIME_FIT_FRESH; i++) {
        struct time_sample s = sample_at(i * 10 * MS, 0, 60);
        enum time_fit_result expect = i < TIME_FIT_FRESH - 1 ? TIME_FIT_COLLECTING : TIME_FIT_GOOD;
        assert_int_equal(time_fit_add(&fit, &s), expect);
        assert_int_equal(fit.ready, expect == TIME_FIT_GOOD);
    }
}

// Drift of the crystal, up to what crystals do: the line is right to a few nanoseconds, a second
// ahead too.
static void drift_is_followed(void **state)
{
    (void)state;
    for (int ppm = -100; ppm <= 100; ppm += 20) {
        struct time_fit fit;
        time_fit_init(&fit);
        int64_t t = 0;
        for (int i = 0; i < 200; i++, t += 50 * MS) {
            struct time_sample s = sample_at(t, ppm, 60);
            enum time_fit_result result = time_fit_add(&fit, &s);
            assert_true(result == TIME_FIT_COLLECTING || result == TIME_FIT_GOOD);
        }
        for (int64_t ahead = 0; ahead <= 1000 * MS; ahead += 100 * MS) {
            struct time_sample truth = sample_at(t + ahead, ppm, 60);
            assert_true(fabs(error_ns(&fit, &truth)) < 20);
        }
        assert_int_equal(fit.n, TIME_FIT_SAMPLES);
    }
}

// A change of rate as the kernel's slewing makes: no step, and soon a line again.
static void slewing_is_followed(void **state)
{
    (void)state;
    for (int ppm = -500; ppm <= 500; ppm += 1000) {
        struct time_fit fit;
        time_fit_init(&fit);
        int64_t t = 0, slewed_ns = 0;
        for (int i = 0; i < 200; i++, t += 50 * MS) {
            if (i > 100)
                slewed_ns += 50 * MS * (int64_t)ppm / 1000000;
            struct time_sample s = sample_at(t, 0, 60);
            s.ns += slewed_ns;
            if (fit.ready)
                assert_true(fabs(error_ns(&fit, &s)) < 100e3);
            assert_int_not_equal(time_fit_add(&fit, &s), TIME_FIT_STEPPED);
            if (i > 110)
                assert_true(fabs(error_ns(&fit, &s)) < 500);
        }
        assert_true(fit.n > 40);
    }
}

// F6: one sample proves a step; the line that follows is of fresh samples alone.
static void steps_are_proven_by_one_sample(void **state)
{
    (void)state;
    const int64_t steps_ns[] = {300000, -300000, 500 * (int64_t)MS, -500 * (int64_t)MS,
                                INT64_C(-315360000) * NS_PER_S};
    for (unsigned k = 0; k < sizeof steps_ns / sizeof *steps_ns; k++) {
        struct time_fit fit;
        time_fit_init(&fit);
        int64_t t = 0;
        for (int i = 0; i < 100; i++, t += 50 * MS) {
            struct time_sample s = sample_at(t, 30, 60);
            time_fit_add(&fit, &s);
        }
        for (int i = 0; i < TIME_FIT_FRESH; i++, t += 10 * MS) {
            struct time_sample s = sample_at(t, 30, 60);
            s.ns += steps_ns[k];
            enum time_fit_result expect = i == 0                    ? TIME_FIT_STEPPED
                                          : i == TIME_FIT_FRESH - 1 ? TIME_FIT_GOOD
                                                                    : TIME_FIT_COLLECTING;
            assert_int_equal(time_fit_add(&fit, &s), expect);
            assert_int_equal(fit.stepped, expect != TIME_FIT_GOOD);
            assert_true(fabs(error_ns(&fit, &s)) < 20e3); // the old rate from the step on
        }
        struct time_sample truth = sample_at(t, 30, 60);
        truth.ns += steps_ns[k];
        assert_true(fabs(error_ns(&fit, &truth)) < 50);
    }
}

// A change that a slew can make between two samples is followed without a message.
static void small_steps_are_followed(void **state)
{
    (void)state;
    struct time_fit fit;
    time_fit_init(&fit);
    int64_t t = 0;
    for (int i = 0; i < 100; i++, t += 50 * MS) {
        struct time_sample s = sample_at(t, 0, 60);
        s.ns += i < 50 ? 0 : 150000;
        assert_int_not_equal(time_fit_add(&fit, &s), TIME_FIT_STEPPED);
        if (i > 55)
            assert_true(fabs(error_ns(&fit, &s)) < 1000);
    }
}

// A step while the samples of the first line are collected: no line is fitted across it.
static void no_line_across_a_step(void **state)
{
    (void)state;
    for (int at = 1; at < TIME_FIT_FRESH; at++) {
        struct time_fit fit;
        time_fit_init(&fit);
        int added = 0;
        for (; !fit.ready; added++) {
            assert_true(added < 3 * TIME_FIT_FRESH);
            struct time_sample s = sample_at(added * 10 * MS, 0, 60);
            s.ns += added < at ? 0 : NS_PER_S;
            time_fit_add(&fit, &s);
        }
        struct time_sample truth = sample_at(added * 10 * MS, 0, 60);
        truth.ns += NS_PER_S;
        assert_true(fabs(error_ns(&fit, &truth)) < 1000);
    }
}

// Samples that were interrupted are wide gates: however many there are, the narrow ones before them
// still count.
static void wide_samples_do_no_harm(void **state)
{
    (void)state;
    struct time_fit fit;
    time_fit_init(&fit);
    int64_t t = 0;
    for (int i = 0; i < 50; i++, t += 50 * MS) {
        struct time_sample s = sample_at(t, 0, 60);
        time_fit_add(&fit, &s);
    }
    for (int i = 0; i < 2 * TIME_FIT_SAMPLES; i++, t += 50 * MS) {
        struct time_sample s = sample_at(t, 0, 10 * HZ / 1000);
        s.ns += 4 * MS; // within half of its 10 ms
        assert_int_equal(time_fit_add(&fit, &s), TIME_FIT_GOOD);
        struct time_sample truth = sample_at(t, 0, 60);
        assert_true(fabs(error_ns(&fit, &truth)) < 20 + i);
        // But a slew may have begun behind it.
        assert_true(fit.bound_ns > 25e3);
        assert_int_equal(time_fit_narrowest(&fit), 60);
    }
    struct time_sample s = sample_at(t, 0, 60);
    assert_int_equal(time_fit_add(&fit, &s), TIME_FIT_GOOD);
    assert_true(fit.bound_ns < 50);
    for (t += 50 * MS; fit.n < TIME_FIT_SAMPLES; t += 50 * MS) { // they have gone
        s = sample_at(t, 0, 60);
        assert_int_equal(time_fit_add(&fit, &s), TIME_FIT_GOOD);
    }

    // A distance that neither the width of the sample nor a slew explains is a step.
    s = sample_at(t, 0, 10 * HZ / 1000);
    s.ns += 6 * MS;
    assert_int_equal(time_fit_add(&fit, &s), TIME_FIT_STEPPED);
}

// Reading the clock has become slow for good: those samples count once what the old ones say of the
// present is no more than theirs.
static void slow_readings_take_over(void **state)
{
    (void)state;
    struct time_fit fit;
    time_fit_init_kind(&fit, &time_fit_free);
    int64_t t = 0;
    for (int i = 0; i < 50 + 10 * TIME_FIT_SAMPLES; i++, t += 50 * MS) {
        struct time_sample s = sample_at(t, 0, i < 50 ? 60 : 3000);
        assert_int_not_equal(time_fit_add(&fit, &s), TIME_FIT_STEPPED);
        assert_true(i < 50 || fabs(error_ns(&fit, &s)) < time_fit_bound_ns(&fit, s.tsc) + 1);
    }
    assert_int_equal(fit.n, TIME_FIT_SAMPLES);
    assert_int_equal(time_fit_narrowest(&fit), 3000);
    assert_true(fit.bound_ns < 600);
}

// chronyd corrects some milliseconds by some thousands of ppm, which is more than adjtime does. No
// step is said, and at no moment is the time further off than what the slew does between two
// samples.
static void fast_slews_are_followed(void **state)
{
    (void)state;
    for (int ppm = -4000; ppm <= 4000; ppm += 1000) {
        struct time_fit fit;
        time_fit_init(&fit);
        int64_t t = 0, slewed_ns = 0;
        for (int i = 0; i < 200; i++, t += 50 * MS) {
            if (i > 100 && i <= 120)
                slewed_ns += 50 * MS * (int64_t)ppm / 1000000;
            struct time_sample s = sample_at(t, 0, 60);
            s.ns += slewed_ns;
            assert_true(!fit.ready || fabs(error_ns(&fit, &s)) < 201e3);
            assert_int_not_equal(time_fit_add(&fit, &s), TIME_FIT_STEPPED);
            assert_true(!fit.ready || fabs(error_ns(&fit, &s)) < 50);
            bool restless = ppm != 0 && ((i > 100 && i < 107) || (i > 120 && i < 127));
            if (fit.ready)
                assert_int_equal(time_fit_growth_ppb(&fit, false) > 600000, restless);
            assert_true(!fit.ready || time_fit_growth_ppb(&fit, true) > 600000);
        }
    }
}

// A virtual machine has moved, and its TSC is another: whatever it says, the line ends.
static void a_tsc_that_goes_back_ends_the_line(void **state)
{
    (void)state;
    const uint64_t back[] = {30, HZ / 20 + 60, 100 * HZ, TSC0};
    for (unsigned k = 0; k < sizeof back / sizeof *back; k++) {
        struct time_fit fit;
        time_fit_init(&fit);
        int64_t t = 0;
        for (int i = 0; i < 20; i++, t += 50 * MS) {
            struct time_sample s = sample_at(t, 0, 60);
            time_fit_add(&fit, &s);
        }
        struct time_sample s = sample_at(t - 50 * MS + 10, 0, 60);
        s.tsc -= back[k];
        assert_int_equal(time_fit_add(&fit, &s), TIME_FIT_STEPPED);
        assert_true(fit.stepped);
        for (int i = 1; i < TIME_FIT_FRESH; i++, t += 10 * MS) {
            assert_false(fit.ready);
            s = sample_at(t, 0, 60);
            s.tsc -= back[k];
            time_fit_add(&fit, &s);
        }
        assert_true(fit.ready && !fit.stepped);
        assert_true(fabs(error_ns(&fit, &s)) < 50);
    }
}

// The bound is the middle's distance from the outermost lines, at the base and away from it.
static void the_bound_is_that_of_the_gates(void **state)
{
    (void)state;
    struct time_fit fit;
    time_fit_init_kind(&fit, &(struct time_fit_kind){.bend = 0});
    for (int i = 0; i < TIME_FIT_FRESH; i++) {
        struct time_sample s = sample_at(i * 100 * MS, 0, 58); // 20 ns
        time_fit_add(&fit, &s);
    }
    // A gate is 20 ns of the time and 1 ns of the value: the lines are in a band of 21 ns. The
    // outermost ones go from one side of it to the other, within 1.1 s.
    assert_true(fit.ready);
    assert_true(fabs(fit.bound_ns - 10.5) < 0.1);
    assert_true(fabs(fit.growth - 21 / 1.1) < 0.1);
    assert_true(fabs(time_fit_bound_ns(&fit, fit.line.tsc_base + HZ) - fit.bound_ns - fit.growth) <
                0.01);
    assert_true(fabs(time_fit_bound_ns(&fit, fit.line.tsc_base - HZ) - fit.bound_ns - fit.growth) <
                0.01);
    assert_int_equal(time_fit_bound(&fit), (uint32_t)fit.bound_ns + 1);
}

static void excess_allows_for_width_slew_and_slack(void **state)
{
    (void)state;
    struct time_line line = {.tsc_base = TSC0, .base_ns = EPOCH, .ns_per_tick = 1e9 / HZ};
    struct time_sample s = sample_at(0, 0, 58);
    s.ns += 1000;
    assert_true(time_line_excess(&line, &s, 985) != 0);
    assert_true(time_line_excess(&line, &s, 995) == 0);
    s.ns -= 2000;
    assert_true(time_line_excess(&line, &s, 985) < 0);
    s = sample_at(1000 * MS, 500, 58);
    assert_true(time_line_excess(&line, &s, 0) == 0);
    s = sample_at(1000 * MS, 700, 58);
    assert_true(time_line_excess(&line, &s, 0) > 0);
}

// F29: also across the end of the era.
static void encoding_round_trips(void **state)
{
    (void)state;
    const int64_t dates_s[] = {0, 1767225600, 2085978495, 2085978496, INT64_C(4000000000)};
    for (unsigned i = 0; i < sizeof dates_s / sizeof *dates_s; i++) {
        struct time_line line = {.tsc_base = TSC0,
                                 .base_ns = dates_s[i] * NS_PER_S + 123456789,
                                 .base_fraction = 0.5,
                                 .ns_per_tick = 1e9 / HZ};
        struct clock_line coded = time_line_encode(&line);
        assert_true(coded.utc_base >> 32 ==
                    ((uint64_t)dates_s[i] + NTP_UNIX_OFFSET) % (UINT64_C(1) << 32));
        for (int off_s = -1000000; off_s <= 1000000; off_s += 500000) {
            struct time_line back =
                time_line_decode(&coded, line.base_ns + off_s * (int64_t)NS_PER_S);
            assert_true(back.tsc_base == TSC0);
            assert_true(llabs(back.base_ns - line.base_ns) <= 1);
            assert_true(fabs(back.ns_per_tick / line.ns_per_tick - 1) < 1e-14);
        }
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_line_needs_a_dozen_samples),
        cmocka_unit_test(drift_is_followed),
        cmocka_unit_test(slewing_is_followed),
        cmocka_unit_test(steps_are_proven_by_one_sample),
        cmocka_unit_test(small_steps_are_followed),
        cmocka_unit_test(no_line_across_a_step),
        cmocka_unit_test(wide_samples_do_no_harm),
        cmocka_unit_test(slow_readings_take_over),
        cmocka_unit_test(fast_slews_are_followed),
        cmocka_unit_test(a_tsc_that_goes_back_ends_the_line),
        cmocka_unit_test(the_bound_is_that_of_the_gates),
        cmocka_unit_test(excess_allows_for_width_slew_and_slack),
        cmocka_unit_test(encoding_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
