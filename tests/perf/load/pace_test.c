// The schedule: even requests are due where arithmetic puts them, random ones are a Poisson
// process, a ramp holds as many as the area under it, a bunch is due at one moment, and nothing is
// due after the end.
#include "perf/load/pace.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static void even_ones_are_exact(void **state)
{
    (void)state;
    static const double rates[] = {1, 3, 1000, 333333, 1e6, 1234567.891, 20e6};
    for (unsigned r = 0; r < sizeof rates / sizeof *rates; r++) {
        struct pace pace;
        pace_start(&pace, 5 * S, 2000000 * S, rates[r], rates[r], false, 1, 1);
        assert_int_equal(pace_due(&pace), 5 * S);
        for (unsigned i = 0; i < 1000000; i++) {
            assert_true(pace_goes_on(&pace));
            double exact = (double)i * 1e9 / rates[r];
            assert_true(fabs((double)(pace_due(&pace) - 5 * S) - exact) <= 1.01);
            pace_next(&pace);
        }
    }
}

static void the_end_is_the_end(void **state)
{
    (void)state;
    struct pace pace;
    unsigned n = 0;
    for (pace_start(&pace, 7, S, 1000, 1000, false, 1, 1); pace_goes_on(&pace); pace_next(&pace)) {
        assert_true(pace_due(&pace) < 7 + S);
        n++;
    }
    assert_int_equal(n, 1000);
    // A span shorter than a gap has the one request at its start.
    n = 0;
    for (pace_start(&pace, 7, 10, 1, 1, false, 1, 1); pace_goes_on(&pace); pace_next(&pace))
        n++;
    assert_int_equal(n, 1);
}

static void poisson_has_its_mean_and_variance(void **state)
{
    (void)state;
    enum { N = 1000000, SLOT_NS = 100000 };
    static unsigned per_slot[N]; // 10 a slot on average
    struct pace pace;
    uint64_t last = 0;
    double sum = 0, squares = 0;
    unsigned n = 0, short_ones = 0;
    pace_start(&pace, 0, 10 * S, 1e5, 1e5, true, 1, 42);
    for (; pace_goes_on(&pace) && n < N; pace_next(&pace), n++) {
        double gap = (double)(pace_due(&pace) - last);
        last = pace_due(&pace);
        sum += gap;
        squares += gap * gap;
        short_ones += gap < 10000 * 0.6931;
        per_slot[last / SLOT_NS]++;
    }
    assert_true(n > 990000);
    double mean = sum / n;
    double deviation = sqrt(squares / n - mean * mean);
    assert_true(fabs(mean - 10000) < 50);
    assert_true(fabs(deviation - 10000) < 100);              // of an exponential: its mean
    assert_true(fabs(short_ones / (double)n - 0.5) < 0.005); // its median: ln 2
    // Counts of equal slots have their mean as variance.
    double in_all = 0, apart = 0;
    unsigned slots = (unsigned)(last / SLOT_NS);
    for (unsigned i = 0; i < slots; i++)
        in_all += per_slot[i];
    for (unsigned i = 0; i < slots; i++)
        apart += pow(per_slot[i] - in_all / slots, 2);
    assert_true(fabs(apart / slots / (in_all / slots) - 1) < 0.03);
}

static void seeds_differ(void **state)
{
    (void)state;
    struct pace one, two;
    pace_start(&one, 0, S, 1000, 1000, true, 1, 2);
    pace_start(&two, 0, S, 1000, 1000, true, 1, 4);
    assert_int_not_equal(pace_due(&one), pace_due(&two));
    pace_start(&one, 0, S, 1000, 1000, true, 1, 0); // a generator must not stand still at 0
    uint64_t first = pace_due(&one);
    pace_next(&one);
    assert_true(pace_due(&one) > first);
}

static double count_of(double from, double to, uint64_t span, bool poisson, uint64_t seed)
{
    struct pace pace;
    double n = 0;
    for (pace_start(&pace, 0, span, from, to, poisson, 1, seed); pace_goes_on(&pace);
         pace_next(&pace))
        n++;
    return n;
}

static void a_ramp_holds_the_area_under_it(void **state)
{
    (void)state;
    static const double ramps[][2] = {
        {100, 200}, {1, 100000}, {100000, 1}, {1000, 1000}, {10, 1e6}};
    for (unsigned i = 0; i < sizeof ramps / sizeof *ramps; i++) {
        double area = (ramps[i][0] + ramps[i][1]) / 2 * 4;
        assert_true(fabs(count_of(ramps[i][0], ramps[i][1], 4 * S, false, 1) - area) <= 1.01);
        double random = count_of(ramps[i][0], ramps[i][1], 4 * S, true, 9);
        assert_true(fabs(random - area) < 5 * sqrt(area) + 1);
    }
}

static void a_ramp_is_where_it_ought_to_be(void **state)
{
    (void)state;
    // From a to b a second over T the n-th request is due when a t + (b - a) t^2 / 2 T = n.
    double a = 5, b = 50000, t_all = 4;
    struct pace pace;
    double n = 0;
    for (pace_start(&pace, 0, 4 * S, a, b, false, 1, 1); pace_goes_on(&pace);
         pace_next(&pace), n++) {
        double t = (double)pace_due(&pace) / 1e9;
        assert_true(fabs(a * t + (b - a) * t * t / 2 / t_all - n) < 0.01);
    }
}

static void a_bunch_is_due_at_one_moment(void **state)
{
    (void)state;
    static const unsigned sizes[] = {1, 2, 3, 48, 64};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct pace pace;
        unsigned n = 0;
        for (pace_start(&pace, 7, S, 1000, 1000, false, sizes[i], 1); pace_goes_on(&pace); n++) {
            assert_int_equal(pace_begins_bunch(&pace), n % sizes[i] == 0);
            double exact = (double)(n / sizes[i]) * sizes[i] * 1e6;
            assert_true(fabs((double)(pace_due(&pace) - 7) - exact) <= 1.01);
            pace_next(&pace);
        }
        assert_int_equal(n % sizes[i], 0); // the last one is whole
        assert_in_range(n, 1000, 1000 + sizes[i] - 1);
    }
}

static void random_bunches_keep_the_rate(void **state)
{
    (void)state;
    enum { BUNCH = 16 };
    struct pace pace;
    double n = 0;
    uint64_t due = 0;
    for (pace_start(&pace, 0, 4 * S, 1e5, 1e5, true, BUNCH, 5); pace_goes_on(&pace); n++) {
        if (pace_begins_bunch(&pace))
            due = pace_due(&pace);
        assert_int_equal(pace_due(&pace), due);
        pace_next(&pace);
    }
    double bunches = 4e5 / BUNCH;
    assert_true(due > 0 && fabs(n / BUNCH - bunches) < 5 * sqrt(bunches));
}

static void bursts_are_where_they_belong(void **state)
{
    (void)state;
    struct pace pace;
    unsigned in_second[10] = {0};
    // It starts a second after a burst was due: the next ones are due after 3 s and after 7 s.
    pace_start(&pace, 5 * S, 10 * S, 1000, 1000, false, 1, 1);
    pace_burst(&pace, 4 * S, S, 5, 9 * S);
    for (; pace_goes_on(&pace); pace_next(&pace))
        in_second[(pace_due(&pace) - 5 * S) / S]++;
    for (unsigned s = 0; s < 10; s++)
        assert_in_range(in_second[s], s % 4 == 3 ? 4995 : 999, s % 4 == 3 ? 5005 : 1001);
    // Random gaps have the same mean.
    unsigned n = 0;
    pace_start(&pace, 0, 100 * S, 1000, 1000, true, 1, 7);
    pace_burst(&pace, 10 * S, S, 11, 0);
    for (; pace_goes_on(&pace); pace_next(&pace))
        n++;
    assert_in_range(n, 196000, 204000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_ones_are_exact),
        cmocka_unit_test(the_end_is_the_end),
        cmocka_unit_test(poisson_has_its_mean_and_variance),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(a_ramp_holds_the_area_under_it),
        cmocka_unit_test(a_ramp_is_where_it_ought_to_be),
        cmocka_unit_test(a_bunch_is_due_at_one_moment),
        cmocka_unit_test(random_bunches_keep_the_rate),
        cmocka_unit_test(bursts_are_where_they_belong),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
