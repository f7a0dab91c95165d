// Sums and spreads against what a list of all values says, and the table of counters.
#include "perf/load/tally.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 20000 };

static struct tally one, two, both;
static int64_t list[N];
static uint64_t seed = 3;

static uint64_t any(void)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return seed >> 20;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// Values around a middle that is far from zero: a sum of squares would lose them.
static void fill(unsigned n, int64_t middle, int64_t width)
{
    tally_init(&both);
    for (unsigned i = 0; i < n; i++) {
        list[i] = middle + (int64_t)(any() % (uint64_t)(2 * width + 1)) - width;
        spread_add(&both.offset, list[i]);
    }
    qsort(list, n, sizeof *list, ascending);
}

static void ends_are_exact(void **state)
{
    (void)state;
    fill(0, 0, 0);
    assert_int_equal(spread_min(&both.offset), 0);
    assert_int_equal(spread_max(&both.offset), 0);
    static const int64_t middles[] = {-1000000, 0, 1000000};
    for (unsigned i = 0; i < 3; i++) {
        fill(100, middles[i], 10000);
        assert_int_equal(spread_min(&both.offset), list[0]);
        assert_int_equal(spread_max(&both.offset), list[99]);
    }
}

static void deviation_is_that_of_two_passes(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {
        {0, 1000}, {1000000000000, 50}, {-1000000000000, 50}, {5, 1000000000}, {-3, 2}};
    for (unsigned s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        fill(N, shapes[s][0], shapes[s][1]);
        double sum = 0, squares = 0;
        for (unsigned i = 0; i < N; i++)
            sum += (double)(list[i] - shapes[s][0]);
        for (unsigned i = 0; i < N; i++)
            squares += pow((double)(list[i] - shapes[s][0]) - sum / N, 2);
        double exact = sqrt(squares / (N - 1));
        assert_true(fabs(spread_deviation(&both.offset) - exact) < exact * 1e-6);
        assert_true(fabs(both.offset.mean - (double)shapes[s][0] - sum / N) < 0.01);
        assert_int_equal(spread_n(&both.offset), N);
    }
    tally_init(&both);
    assert_true(spread_deviation(&both.offset) == 0);
    spread_add(&both.offset, 77);
    assert_true(spread_deviation(&both.offset) == 0 && both.offset.mean == 77);
}

// The value of the list's rank for that share: the smallest that so many do not exceed.
static int64_t of_rank(unsigned n, double share)
{
    unsigned rank = (unsigned)ceil(share * n - 1e-9);
    return list[rank == 0 ? 0 : rank - 1];
}

static void quantiles_with_a_sign(void **state)
{
    (void)state;
    static const int64_t middles[] = {0, -500, 500, -1000000, 1000000, -999};
    static const unsigned sizes[] = {1, 2, 4, 5, 100, N};
    static const double shares[] = {0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1};
    for (unsigned m = 0; m < sizeof middles / sizeof *middles; m++)
        for (unsigned z = 0; z < sizeof sizes / sizeof *sizes; z++) {
            fill(sizes[z], middles[m], 1000);
            for (unsigned s = 0; s < sizeof shares / sizeof *shares; s++) {
                int64_t exact = of_rank(sizes[z], shares[s]);
                int64_t got = spread_quantile(&both.offset, shares[s]);
                if (llabs(got - exact) > llabs(exact) / 64)
                    fail_msg("%u around %lld, share %g: %lld, not %lld", sizes[z],
                             (long long)middles[m], shares[s], (long long)got, (long long)exact);
            }
        }
    tally_init(&both);
    assert_int_equal(spread_quantile(&both.offset, 0.5), 0);
}

static void merged_is_as_one(void **state)
{
    (void)state;
    tally_init(&one);
    tally_init(&two);
    fill(N, -40, 1000); // into both
    for (unsigned i = 0; i < N; i++) {
        struct tally *half = i % 3 ? &one : &two;
        spread_add(&half->offset, list[i]);
        histogram_add(&half->latency, (uint64_t)i);
        histogram_add(&both.latency, (uint64_t)i);
        histogram_add(&half->processing, (uint64_t)i * 2);
        histogram_add(&both.processing, (uint64_t)i * 2);
        half->count[i % TALLY_ITEMS]++;
        both.count[i % TALLY_ITEMS]++;
    }
    tally_merge(&one, &two);
    assert_memory_equal(one.count, both.count, sizeof one.count);
    assert_memory_equal(&one.latency, &both.latency, sizeof one.latency);
    assert_memory_equal(&one.processing, &both.processing, sizeof one.processing);
    assert_memory_equal(&one.offset.above, &both.offset.above, sizeof one.offset.above);
    assert_memory_equal(&one.offset.below, &both.offset.below, sizeof one.offset.below);
    assert_true(fabs(one.offset.mean - both.offset.mean) < 1e-6);
    assert_true(fabs(spread_deviation(&one.offset) - spread_deviation(&both.offset)) < 1e-6);
    // With nothing, in both directions.
    double deviation = spread_deviation(&one.offset);
    tally_init(&two);
    tally_merge(&one, &two);
    assert_true(spread_deviation(&one.offset) == deviation);
    tally_merge(&two, &one);
    assert_true(fabs(spread_deviation(&two.offset) - deviation) < 1e-9);
    assert_int_equal(spread_n(&two.offset), N);
}

static void each_counter_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TALLY_ITEMS; i++) {
        assert_non_null(tally_rows[i].name);
        assert_non_null(tally_rows[i].text);
        for (unsigned k = 0; k < i; k++)
            assert_true(tally_rows[i].group != tally_rows[k].group ||
                        strcmp(tally_rows[i].name, tally_rows[k].name) != 0);
        bool wrong = TALLY_WRONG_LENGTH <= i && i <= TALLY_WRONG_FORGERY;
        assert_int_equal(tally_rows[i].group == TALLY_OF_WRONG, wrong);
        bool kiss = TALLY_KISS_RATE <= i && i <= TALLY_KISS_OTHER;
        assert_int_equal(tally_rows[i].group == TALLY_OF_KISSES, kiss);
        bool unsent = TALLY_UNSENT_BEHIND <= i && i <= TALLY_UNSENT_OPEN;
        assert_int_equal(tally_rows[i].group == TALLY_OF_UNSENT, unsent);
    }
}

static void sums_and_loss(void **state)
{
    (void)state;
    tally_init(&one);
    assert_true(tally_loss(&one) == 0); // of none sent
    one.count[TALLY_LOST] = 3;
    assert_true(tally_loss(&one) == 0);
    one.count[TALLY_SENT] = 100;
    one.count[TALLY_LATE] = 2;
    one.count[TALLY_NAK] = 50;
    assert_true(tally_loss(&one) == 0.05);
    for (unsigned i = TALLY_WRONG_LENGTH; i <= TALLY_WRONG_FORGERY; i++)
        one.count[i] = 1;
    one.count[TALLY_KISS_DENY] = 7;
    one.count[TALLY_UNSENT_COOKIE] = 9;
    assert_int_equal(tally_sum(&one, TALLY_OF_WRONG), TALLY_WRONG_FORGERY - TALLY_WRONG_LENGTH + 1);
    assert_int_equal(tally_sum(&one, TALLY_OF_KISSES), 7);
    assert_int_equal(tally_sum(&one, TALLY_OF_UNSENT), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_exact),
        cmocka_unit_test(deviation_is_that_of_two_passes),
        cmocka_unit_test(quantiles_with_a_sign),
        cmocka_unit_test(merged_is_as_one),
        cmocka_unit_test(each_counter_has_a_name_of_its_own),
        cmocka_unit_test(sums_and_loss),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
