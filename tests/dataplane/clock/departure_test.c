// The planned departure of replies: RSP-10, RSP-12, RSP-14.
#include "dataplane/clock/departure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HZ UINT64_C(2000000000)

static struct departure d;
static enum departure_haste haste;
static int open(void **unused)
{
    (void)unused;
    memset(&d, 0, sizeof d);
    haste = DEPARTURE_CALM;
    return 0;
}

static struct departure_plan plan(unsigned n_plain, unsigned n_nts)
{
    return departure_plan(&d, HZ, n_plain, n_nts, haste);
}

// A part is composed in that many ticks.
static void compose(unsigned n_plain, unsigned n_nts, uint64_t ticks)
{
    struct departure_plan p = plan(n_plain, n_nts);
    departure_learn_composing(&d, &p, ticks);
}

// A number from 0 to below n, the same in every run.
static unsigned pick(unsigned n)
{
    static uint64_t state = 7;
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(state >> 33) % n;
}

static void nothing_measured_is_at_once(void **unused)
{
    (void)unused;
    struct departure_plan p = plan(3, 4);
    assert_int_equal(p.ready, 0);
    assert_int_equal(p.pace, 0);
    assert_int_equal(p.together, 7);
    assert_int_equal(departure_part(&d, HZ, haste), 64);
}

// RSP-12: the first measurements may all but one be of a core that was taken off its CPU.
static void one_measurement_is_not_believed(void **unused)
{
    (void)unused;
    for (unsigned i = 1; i < DEPARTURE_TRIALS; i++) {
        departure_learn_sending(&d, 1, 1e6);
        compose(1, 0, 1000000);
        assert_int_equal(plan(1, 0).ready, 0);
        assert_int_equal(plan(1, 0).pace, 0);
    }
    departure_learn_sending(&d, 1, 1500);
    compose(1, 0, 3000);
    assert_int_equal(plan(1, 0).ready, 3000);
    assert_int_equal(plan(1, 0).pace, 1500);
}

static void composing_is_learned_by_size_and_cryptography(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 200; i++) {
        compose(1, 0, 1000);
        compose(64, 0, 5000 + i % 2);
        compose(0, 1, 9000);
    }
    assert_in_range(plan(1, 0).ready, 970, 1030);
    assert_in_range(plan(64, 0).ready, 4850, 5150);
    assert_in_range(plan(0, 1).ready, 8700, 9300);
    assert_in_range(plan(1, 1).ready, 9700, 10300); // both add up
    assert_in_range(plan(5, 0).ready, 970, 5150);   // between what is known
}

static void between_two_sizes_there_is_a_line(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 100; i++) {
        compose(0, 32, 32000);
        compose(0, 64, 64000);
    }
    uint64_t last = 0;
    for (unsigned n = 32; n <= 64; n++) {
        uint64_t ready = plan(0, n).ready;
        assert_in_range(ready, n * 960, n * 1040);
        assert_true(ready > last);
        last = ready;
    }
}

// Nearly all are ready in time; of a core that is busy, few.
static void most_are_ready_in_time(void **unused)
{
    (void)unused;
    for (unsigned mode = 0; mode <= DEPARTURE_PRESSED; mode++) {
        unsigned early = 0;
        haste = mode;
        for (unsigned i = 0; i < 40000; i++) {
            uint64_t took = 10000 + pick(2000);
            if (i >= 10000)
                early += took <= plan(0, 8).ready;
            compose(0, 8, took);
        }
        if (haste != DEPARTURE_CALM)
            assert_in_range(early, 30000 * 5 / 100, 30000 * 15 / 100);
        else
            assert_in_range(early, 30000 * 95 / 100, 30000 * 99 / 100);
    }
}

// Preemption in a tenth of the turns, or in the very first one, does not bend it.
static void outliers_do_not_bend_it(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 2000; i++)
        compose(0, 8, i % 10 == 0 ? 50000000 : 10000 + pick(100));
    assert_in_range(plan(0, 8).ready, 9800, 10400);
}

// A port that sends slowly composes in parts, by the known cost of one frame or of several.
static void slow_ports_take_parts(void **unused)
{
    (void)unused;
    for (unsigned n = 1; n <= 16; n += 15) {
        memset(&d, 0, sizeof d);
        for (unsigned k = 0; k < 50; k++)
            departure_learn_sending(&d, n, 900); // 450 ns
        assert_int_equal(departure_part(&d, HZ, haste), 64);
        for (unsigned k = 0; k < 500; k++)
            departure_learn_sending(&d, n, 1500);
        assert_int_equal(departure_part(&d, HZ, haste), DEPARTURE_PART);
        assert_int_equal(departure_part(&d, HZ, DEPARTURE_PRESSED), DEPARTURE_PART_PRESSED);
    }
}

// RSP-14: a port that sends slowly and has time sends one frame at a time, at a rate that it mostly
// holds.
static void a_slow_port_that_has_time_sends_singly(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 20000; i++)
        departure_learn_sending(&d, 1, 2000 + pick(400));
    struct departure_plan p = plan(0, 10);
    assert_int_equal(p.together, 1);
    assert_in_range(p.pace, 2250, 2350);
    haste = DEPARTURE_BUSY;
    assert_int_equal(plan(0, DEPARTURE_APART).together, 1);
    assert_int_equal(plan(0, DEPARTURE_APART + 1).together, DEPARTURE_APART + 1);
    haste = DEPARTURE_PRESSED;
    p = plan(0, 10);
    assert_int_equal(p.together, 10);
    assert_int_equal(p.pace, 0); // all say when the first one leaves
    assert_in_range(p.lead, 2000 / 10, 2000 / 5);

    haste = DEPARTURE_BUSY;
    memset(&d, 0, sizeof d);
    for (unsigned i = 0; i < 100; i++)
        departure_learn_sending(&d, 1, 100); // 50 ns
    p = plan(0, 10);
    assert_int_equal(p.together, 10);
    assert_int_equal(p.pace, 0);
}

// RSP-12: a core that others hold up measures long calls, at the start or for a second. Its frames
// leave as soon as before, so the lead stays short.
static void long_calls_do_not_lengthen_the_lead(void **unused)
{
    (void)unused;
    haste = DEPARTURE_PRESSED;
    for (unsigned i = 0; i < 100; i++)
        departure_learn_sending(&d, 1, 20000);
    assert_int_equal(plan(0, 10).lead, 0);
    for (unsigned i = 0; i < 1000; i++)
        departure_learn_sending(&d, 1, 2000 + pick(400));
    const uint64_t lead = plan(0, 10).lead;
    for (unsigned i = 0; i < 5000; i++)
        departure_learn_sending(&d, 1, 20000);
    assert_in_range(plan(0, 10).lead, lead, lead * 11 / 10);
}

// A device that waits in the core's place: nearly all are ready in time and some microseconds more,
// also while the core is busy; and nothing is sent singly.
static void a_device_that_waits_gets_more_time(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 200; i++) {
        struct departure_plan p = departure_plan_launch(&d, HZ, 0, 8);
        departure_learn_composing(&d, &p, 9000 + i % 2);
        departure_learn_sending(&d, 1, 4000);
    }
    const struct departure_plan p = departure_plan_launch(&d, HZ, 0, 8);
    assert_in_range(p.ready, 9000 + 12000, 9200 + 12000); // 6 us
    assert_int_equal(p.together, 8);
    assert_int_equal(p.pace, 0);
    assert_int_equal(p.lead, 0);
    assert_in_range(plan(0, 8).ready, 8900, 9200); // the same estimate
}

// RSP-12: of what the device tells, the least counts, at once if it is less; not the mean. It is
// forgotten after twice as many samples.
static void the_least_that_the_device_tells_is_the_lead(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < DEPARTURE_SAMPLES; i++) {
        assert_int_equal(plan(0, 8).lead, 0);
        departure_learn_left(&d, i == 5 ? 3000 : 5000 + pick(4000));
    }
    assert_int_equal(plan(0, 8).lead, 3000);
    departure_learn_left(&d, 2000);
    assert_int_equal(plan(0, 8).lead, 2000);
    for (unsigned i = 0; i < 2 * DEPARTURE_SAMPLES; i++)
        departure_learn_left(&d, 5000);
    assert_int_equal(plan(0, 8).lead, 5000);
    departure_learn_left(&d, -50); // within the line's error
    assert_int_equal(plan(0, 8).lead, 0);
}

static void every_size_is_in_bounds(void **unused)
{
    (void)unused;
    for (unsigned plain = 0; plain <= 64; plain++) {
        for (unsigned nts = plain == 0; plain + nts <= 64; nts++) {
            compose(plain, nts, 100 * (plain + nts));
            departure_learn_sending(&d, plain + nts, 1000);
            assert_true(plan(plain, nts).ready < 100000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_measured_is_at_once, open),
        cmocka_unit_test_setup(one_measurement_is_not_believed, open),
        cmocka_unit_test_setup(composing_is_learned_by_size_and_cryptography, open),
        cmocka_unit_test_setup(between_two_sizes_there_is_a_line, open),
        cmocka_unit_test_setup(most_are_ready_in_time, open),
        cmocka_unit_test_setup(outliers_do_not_bend_it, open),
        cmocka_unit_test_setup(slow_ports_take_parts, open),
        cmocka_unit_test_setup(a_slow_port_that_has_time_sends_singly, open),
        cmocka_unit_test_setup(long_calls_do_not_lengthen_the_lead, open),
        cmocka_unit_test_setup(a_device_that_waits_gets_more_time, open),
        cmocka_unit_test_setup(the_least_that_the_device_tells_is_the_lead, open),
        cmocka_unit_test_setup(every_size_is_in_bounds, open),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("clock/departure", tests, NULL, NULL);
}
