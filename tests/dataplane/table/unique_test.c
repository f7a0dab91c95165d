// Counting different clients: how far the estimate is from the truth, windows, several cores.
#include "dataplane/table/unique.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct unique_windows windows;
static struct unique_counter counter[3];
static uint8_t rank[UNIQUE_REGISTERS];

static void begin(uint64_t key)
{
    windows.key.first = key * UINT64_C(0x9e3779b97f4a7c15);
    windows.key.second = ~windows.key.first * UINT64_C(0xd1342543de82ef95);
    atomic_store(&windows.window, 1);
    memset(counter, 0, sizeof counter);
    for (unsigned i = 0; i < 3; i++)
        counter[i].windows = &windows;
    memset(rank, 0, sizeof rank);
}

static void count(struct unique_counter *c, uint64_t client)
{
    unique_follow(c);
    unique_count(unique_half(c), unique_hash(windows.key, client));
}

static uint64_t estimate_of(const struct unique_counter *c, uint32_t window)
{
    memset(rank, 0, sizeof rank);
    unique_take(c, window, rank);
    return unique_estimate(rank);
}

// Addresses as they come: side by side, every 256th, networks of IPv6 in the upper half, and any.
static uint64_t client_of(unsigned shape, uint64_t i)
{
    switch (shape) {
    case 0:
        return 0x0a000000 + i;
    case 1:
        return i << 8 & 0xffffffff;
    case 2:
        return UINT64_C(0x20010db800000000) + i;
    case 3:
        return UINT64_C(0x2a00000000000000) + (i << 16);
    default:
        i = (i + 1) * UINT64_C(0xbf58476d1ce4e5b9);
        return (i ^ i >> 31) * UINT64_C(0x94d049bb133111eb);
    }
}

// The standard error is 1.04 / sqrt(2^14) = 0.81 %; keys and addresses are fixed, so each run is
// alike.
static void the_error_is_as_promised(void **state)
{
    (void)state;
    enum { SHAPES = 5, KEYS = 8 };
    static const uint64_t sizes[] = {1000, 30000, 70000, 1000000};
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        double squares = 0, sum = 0;
        for (unsigned run = 0; run < SHAPES * KEYS; run++) {
            begin(run + 1);
            for (uint64_t i = 0; i < sizes[s]; i++)
                count(&counter[0], client_of(run % SHAPES, i));
            const double error = (double)estimate_of(&counter[0], 1) / (double)sizes[s] - 1;
            if (error < -0.035 || error > 0.035)
                fail_msg("%llu clients of shape %u: off by %f", (unsigned long long)sizes[s],
                         run % SHAPES, error);
            squares += error * error;
            sum += error;
        }
        const double mean_square = squares / (SHAPES * KEYS), mean = sum / (SHAPES * KEYS);
        assert_true(mean_square < 0.0105 * 0.0105);
        assert_true(mean > -0.005 && mean < 0.005);
    }
}

static void few_are_counted_exactly(void **state)
{
    (void)state;
    begin(7);
    assert_int_equal(estimate_of(&counter[0], 1), 0);
    for (uint64_t n = 1; n <= 20; n++) {
        for (unsigned again = 0; again < 3; again++)
            count(&counter[0], client_of(0, n));
        assert_int_equal(estimate_of(&counter[0], 1), n);
    }
}

// Whoever knows the key could choose such addresses; without it they are like any others.
static void the_key_decides(void **state)
{
    (void)state;
    uint64_t chosen[300];
    unsigned n = 0;
    begin(1);
    for (uint64_t i = 0; n < 300; i++)
        if (unique_hash(windows.key, i) >> (64 - UNIQUE_BITS) == 0)
            chosen[n++] = i;
    for (uint64_t key = 1; key <= 2; key++) {
        begin(key);
        for (unsigned i = 0; i < n; i++)
            count(&counter[0], chosen[i]);
        const uint64_t estimate = estimate_of(&counter[0], 1);
        assert_true(key == 1 ? estimate == 1 : estimate > 280 && estimate < 320);
    }
}

// A client of two cores is one; a core that has seen none, or none in that window, adds none.
static void cores_are_merged(void **state)
{
    (void)state;
    begin(3);
    for (uint64_t i = 0; i < 20000; i++) {
        count(&counter[0], i);
        count(&counter[1], i + 10000);
    }
    uint8_t one[UNIQUE_REGISTERS] = {0};
    for (unsigned i = 0; i < 3; i++)
        unique_take(&counter[i], 1, rank);
    const uint64_t all = unique_estimate(rank);
    assert_true(all > 29000 && all < 31000);
    unique_take(&counter[1], 1, one);
    const uint64_t second = unique_estimate(one);
    assert_true(second > 19400 && second < 20600);
    unique_merge(one, rank);
    assert_int_equal(unique_estimate(one), all);
}

static void windows_begin_empty(void **state)
{
    (void)state;
    begin(5);
    for (uint64_t i = 0; i < 5000; i++)
        count(&counter[0], i);
    count(&counter[1], 1);
    atomic_store(&windows.window, 2);
    for (uint64_t i = 0; i < 3; i++)
        count(&counter[0], i);
    assert_true(estimate_of(&counter[0], 1) > 4800); // until the window after that
    assert_int_equal(estimate_of(&counter[0], 2), 3);
    assert_int_equal(estimate_of(&counter[1], 2), 0); // it has had no packet in it
    atomic_store(&windows.window, 3);
    count(&counter[0], 9);
    count(&counter[1], 9);
    assert_int_equal(estimate_of(&counter[0], 3), 1);
    assert_int_equal(estimate_of(&counter[0], 2), 3);
    assert_int_equal(estimate_of(&counter[0], 1), 0);
    assert_int_equal(estimate_of(&counter[1], 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_error_is_as_promised), cmocka_unit_test(few_are_counted_exactly),
        cmocka_unit_test(the_key_decides),          cmocka_unit_test(cores_are_merged),
        cmocka_unit_test(windows_begin_empty),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
