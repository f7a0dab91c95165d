// The NTP state through the board, and the timestamp arithmetic beside it.
#include "board/ntp_state.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// A clock of 1 GHz that may be served.
static struct ntp_state good_state(void)
{
    return (struct ntp_state){
        .line.rate = (uint64_t)ldexp(1e-9, 32 + CLOCK_RATE_SHIFT),
        .tsc_hz = 1000000000,
        .void_after = 1000000000,
        .leap = LEAP_NONE,
        .stratum = 2,
        .precision = -24,
        .serving = 1,
    };
}

static void view_follows_publications(void **state)
{
    (void)state;
    struct snapshot board = {0};
    struct ntp_state_view view = {0};
    assert_false(ntp_state_refresh(&board, &view));

    struct ntp_state now = good_state();
    now.leap = LEAP_UNKNOWN;
    now.reference_id = 5;
    ntp_state_publish(&board, &now);
    assert_true(ntp_state_refresh(&board, &view));
    assert_int_equal(view.state.leap, LEAP_UNKNOWN);
    assert_int_equal(view.state.reference_id, 5);
    assert_false(ntp_state_refresh(&board, &view));

    now.leap = LEAP_INSERT;
    ntp_state_publish(&board, &now);
    assert_true(ntp_state_refresh(&board, &view));
    assert_int_equal(view.state.leap, LEAP_INSERT);
}

static void expect(struct ntp_state state, bool sound)
{
    struct snapshot board = {0};
    struct ntp_state_view view = {0};
    struct ntp_state first = good_state();
    first.reference_id = 1;
    ntp_state_publish(&board, &first);
    assert_true(ntp_state_refresh(&board, &view));
    ntp_state_publish(&board, &state);
    assert_int_equal(ntp_state_refresh(&board, &view), sound);
    assert_int_equal(view.refused, !sound);
    assert_memory_equal(&view.state, sound ? &state : &first, sizeof state);
    assert_false(ntp_state_refresh(&board, &view)); // judged once and for all
}

// Expects of a good state with that field changed.
#define EXPECT(field, value, sound)                                                                \
    do {                                                                                           \
        struct ntp_state changed = good_state();                                                   \
        changed.field = value;                                                                     \
        expect(changed, sound);                                                                    \
    } while (0)

// Control is trusted less than the cores: what is out of its range is kept out.
static void each_field_has_a_range(void **state)
{
    (void)state;
    const uint64_t rate = good_state().line.rate;
    expect(good_state(), true);
    EXPECT(leap, LEAP_UNKNOWN, true);
    EXPECT(leap, 4, false);
    EXPECT(stratum, 0, false);
    EXPECT(stratum, 15, true);
    EXPECT(stratum, 16, false);
    EXPECT(precision, -32, true);
    EXPECT(precision, -33, false);
    EXPECT(precision, 0, true);
    EXPECT(precision, 1, false);
    EXPECT(serving, 2, false);
    EXPECT(root_delay, 16 << 16, true);
    EXPECT(root_delay, (16 << 16) + 1, false);
    EXPECT(root_dispersion, 16 << 16, true);
    EXPECT(root_dispersion, UINT32_MAX, false);
    EXPECT(void_after, 0, false);
    EXPECT(void_after, 1, true);
    EXPECT(void_after, UINT64_C(60000000000), true);
    EXPECT(void_after, UINT64_C(60000000001), false);
    EXPECT(void_after, UINT64_MAX, false); // before the line's base
    EXPECT(growth_ppb, 100000000, true);
    EXPECT(growth_ppb, 100000001, false);
    EXPECT(tsc_hz, 0, false);
    EXPECT(tsc_hz, UINT64_MAX, false);
    EXPECT(line.rate, 0, false);
    EXPECT(line.rate, UINT64_MAX, false);
    EXPECT(line.rate, rate + rate / 1001, true);
    EXPECT(line.rate, rate - rate / 1001, true);
    EXPECT(line.rate, rate + rate / 900, false);
    EXPECT(line.rate, rate - rate / 900, false);
}

// Clients learn of the bound through root dispersion only, so root dispersion must contain it.
static void the_bound_is_told(void **state)
{
    (void)state;
    struct ntp_state changed = good_state();
    changed.bound_ns = 1000000;
    expect(changed, false);
    changed.root_dispersion = 65;
    expect(changed, true);
    changed.root_dispersion = 64;
    expect(changed, false);
}

// Rate and tsc_hz may agree with each other and still be no counter's.
static void the_tsc_has_a_range(void **state)
{
    (void)state;
    static const struct {
        double hz;
        bool sound;
    } cases[] = {{49e6, false}, {51e6, true}, {19e9, true}, {21e9, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ntp_state changed = good_state();
        changed.tsc_hz = (uint64_t)cases[i].hz;
        changed.void_after = changed.tsc_hz;
        changed.line.rate = (uint64_t)ldexp(1 / cases[i].hz, 32 + CLOCK_RATE_SHIFT);
        expect(changed, cases[i].sound);
    }
}

// Before there is a line nothing is said of it.
static void no_line_needs_no_rate(void **state)
{
    (void)state;
    struct ntp_state changed = {.stratum = 1, .leap = LEAP_UNKNOWN};
    expect(changed, true);
}

// F29: the era ends on 2036-02-07 06:28:16 UTC, and the timestamp simply begins anew.
static void time_wraps_with_the_era(void **state)
{
    (void)state;
    assert_true(ntp_time_from_unix(0, 0) == NTP_UNIX_OFFSET << 32);
    assert_true(ntp_time_from_unix(2085978495, 999999999) >> 32 == UINT32_MAX);
    assert_true(ntp_time_from_unix(2085978496, 0) == 0);
    assert_true(ntp_time_from_unix(2085978497, 500000000) ==
                (UINT64_C(1) << 32 | UINT64_C(1) << 31));
    assert_true(ntp_time_from_unix(2085978496, 0) - ntp_time_from_unix(2085978495, 0) == UINT64_C(1)
                                                                                             << 32);
    assert_true(ntp_time_span(250000000) == UINT64_C(1) << 30);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_follows_publications), cmocka_unit_test(each_field_has_a_range),
        cmocka_unit_test(the_bound_is_told),         cmocka_unit_test(the_tsc_has_a_range),
        cmocka_unit_test(no_line_needs_no_rate),     cmocka_unit_test(time_wraps_with_the_era),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
