// The lines through gates, held against a search that knows nothing of slopes and pairs.
#include "board/gates.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t word = 88172645463325252;

static double uniform(double from, double to)
{
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    return from + (to - from) * (double)(word >> 11) * 0x1p-53;
}

// The values at the base of all lines of that slope, when there are any.
static bool values_of(const struct gate *gate, uint32_t n, double slope, double *low, double *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    for (uint32_t i = 0; i < n; i++) {
        *low = fmax(*low, gate[i].low - slope * gate[i].after);
        *high = fmin(*high, gate[i].high - slope * gate[i].before);
    }
    return *low <= *high;
}

// The gates of a line of that slope, n of them, at uneven distances and of uneven widths.
static void make(struct gate *gate, uint32_t n, double slope)
{
    double at = 0;
    for (uint32_t i = 0; i < n; i++) {
        double width = uniform(20, 200), inside = uniform(0, width);
        double ns = slope * (at - inside);
        gate[i] = (struct gate){.before = at - width, .after = at, .low = ns, .high = ns + 1};
        at -= width + uniform(1000, 100000);
    }
}

enum { N = 64, SLOPES = 2000 };

// Of a fine comb of slopes none outside [flat, steep] has a line, each inside has one, and no value
// is outside [low, high] at the base or ahead.
static void the_extreme_lines_are_extreme(void **state)
{
    (void)state;
    for (unsigned trial = 0; trial < 300; trial++) {
        struct gate gate[N];
        uint32_t n = 2 + trial % (N - 1);
        make(gate, n, uniform(0.3, 0.4));
        struct gate_lines lines = gates_lines(gate, n, 0.05, 20);
        assert_int_equal(lines.n, n);
        assert_true(lines.flat <= lines.steep);
        double span = lines.steep - lines.flat, ahead = uniform(0, 1e9);
        double seen_low = INFINITY, seen_high = -INFINITY;
        for (int k = -SLOPES; k <= 2 * SLOPES; k++) {
            double slope = lines.flat + span * k / SLOPES, low, high;
            bool some = values_of(gate, n, slope, &low, &high);
            if (k < 0 || k > SLOPES)
                assert_false(some);
            if (k > 0 && k < SLOPES)
                assert_true(some);
            if (!some)
                continue;
            seen_low = fmin(seen_low, low + slope * ahead);
            seen_high = fmax(seen_high, high + slope * ahead);
            assert_true(low >= lines.low - 1e-6 && high <= lines.high + 1e-6);
        }
        double most = lines.high + lines.steep * ahead, least = lines.low + lines.flat * ahead;
        double step = span / SLOPES * (ahead + 1e7) + 1e-3; // of the comb
        assert_true(seen_high <= most + 1e-3 && seen_high >= most - step);
        assert_true(seen_low >= least - 1e-3 && seen_low <= least + step);
    }
}

static void the_slopes_that_are_allowed_count(void **state)
{
    (void)state;
    struct gate gate[N];
    make(gate, N, 0.35);
    struct gate_lines all = gates_lines(gate, N, 0.05, 20);
    double middle = (all.flat + all.steep) / 2;
    struct gate_lines half = gates_lines(gate, N, middle, 20);
    assert_true(half.flat == middle && half.steep == all.steep && half.n == N);
    assert_true(half.high == all.high && half.low >= all.low);
    assert_int_equal(gates_lines(gate, N, 0.36, 20).n, 0);
    assert_int_equal(gates_lines(gate, N, 0.05, 0.34).n, 0);
}

// The gates after a step or a change of the slope: the window is the greatest power of two of them.
static void the_window_ends_where_the_line_does(void **state)
{
    (void)state;
    for (uint32_t kept = 1; kept < N; kept++) {
        struct gate gate[N];
        make(gate, N, 0.35);
        for (uint32_t i = kept; i < N; i++) {
            gate[i].low -= 1e4;
            gate[i].high -= 1e4;
        }
        uint32_t wanted = 1;
        while (2 * wanted <= kept)
            wanted *= 2;
        struct gate_lines lines = gates_lines(gate, N, 0.3, 0.4);
        assert_in_range(lines.n, wanted == 1 ? 0 : wanted, wanted == 1 ? 2 : wanted);
    }
}

// Dates are differences: hours of ticks, to a fraction of a nanosecond.
static void long_windows_are_exact(void **state)
{
    (void)state;
    const double slope = 0.344827586206896;
    struct gate gate[N];
    for (uint32_t i = 0; i < N; i++) {
        double at = -1e12 * i; // ticks: six minutes
        gate[i] = (struct gate){
            .before = at, .after = at, .low = slope * at - 0.5, .high = slope * at + 0.5};
    }
    struct gate_lines lines = gates_lines(gate, N, 0.05, 20);
    assert_int_equal(lines.n, N);
    assert_true(fabs(lines.high - 0.5) < 0.02 && fabs(lines.low + 0.5) < 0.02);
    assert_true(fabs((lines.steep - lines.flat) * 63e12 - 2) < 0.1);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_extreme_lines_are_extreme),
        cmocka_unit_test(the_slopes_that_are_allowed_count),
        cmocka_unit_test(the_window_ends_where_the_line_does),
        cmocka_unit_test(long_windows_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
