// The histogram: every value has a bucket that is close to it, and quantiles are those of a sorted
// list.
#include "perf/load/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct histogram h;

static void buckets_are_close(void **state)
{
    (void)state;
    uint32_t before = 0;
    for (uint64_t v = 0; v < (uint64_t)1 << 41; v += 1 + v / 1000) {
        uint32_t bucket = histogram_bucket_of(v);
        assert_true(bucket < HISTOGRAM_BUCKETS && bucket >= before);
        uint64_t top = histogram_bucket_top(bucket);
        assert_true(v <= top && top - v <= v / 64);
        assert_int_equal(histogram_bucket_of(top), bucket);
        assert_int_equal(histogram_bucket_of(top + 1), bucket + 1);
        before = bucket;
    }
    assert_int_equal(histogram_bucket_of(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles_of_a_list(void **state)
{
    (void)state;
    enum { N = 100000 };
    static uint64_t list[N];
    uint64_t seed = 7;
    histogram_init(&h);
    for (unsigned i = 0; i < N; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        list[i] = (seed >> 33) >> (seed >> 28 & 15); // over many magnitudes
        histogram_add(&h, list[i]);
    }
    qsort(list, N, sizeof *list, ascending);
    static const double shares[] = {0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999};
    for (unsigned i = 0; i < sizeof shares / sizeof *shares; i++) {
        uint64_t exact = list[(unsigned)(shares[i] * N + 0.999999) - 1];
        uint64_t got = histogram_quantile(&h, shares[i]);
        assert_true(got >= exact && got - exact <= exact / 64);
    }
    assert_int_equal(histogram_quantile(&h, 1), list[N - 1]);
    assert_int_equal(h.min, list[0]);
    assert_int_equal(h.max, list[N - 1]);
}

static void merged_is_as_one(void **state)
{
    (void)state;
    static struct histogram one, two, both;
    histogram_init(&one);
    histogram_init(&two);
    histogram_init(&both);
    assert_int_equal(histogram_quantile(&both, 0.5), 0);
    for (uint64_t v = 1; v < 100000; v += 7) {
        histogram_add(v % 2 ? &one : &two, v);
        histogram_add(&both, v);
    }
    histogram_merge(&one, &two);
    assert_memory_equal(&one, &both, sizeof one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_close),
        cmocka_unit_test(quantiles_of_a_list),
        cmocka_unit_test(merged_is_as_one),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
