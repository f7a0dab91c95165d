// The NTP state through the board, and the timestamp arithmetic beside it.
#include "board/ntp_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void view_follows_publications(void **state)
{
    (void)state;
    struct snapshot board = {0};
    struct ntp_state_view view = {0};
    assert_false(ntp_state_refresh(&board, &view));

    struct ntp_state now = {.leap = LEAP_UNKNOWN, .serving = 1, .stratum = 1, .tsc_hz = 5};
    ntp_state_publish(&board, &now);
    assert_true(ntp_state_refresh(&board, &view));
    assert_int_equal(view.state.leap, LEAP_UNKNOWN);
    assert_int_equal(view.state.tsc_hz, 5);
    assert_false(ntp_state_refresh(&board, &view));

    now.leap = LEAP_INSERT;
    ntp_state_publish(&board, &now);
    assert_true(ntp_state_refresh(&board, &view));
    assert_int_equal(view.state.leap, LEAP_INSERT);
}

// Control is trusted less than the cores: what no header can carry is not taken, once and for all.
static void impossible_states_are_refused(void **state)
{
    (void)state;
    struct snapshot board = {0};
    struct ntp_state_view view = {0};
    struct ntp_state now = {.leap = LEAP_NONE, .serving = 1, .stratum = 2};
    ntp_state_publish(&board, &now);
    assert_true(ntp_state_refresh(&board, &view));

    now.leap = 4;
    ntp_state_publish(&board, &now);
    assert_false(ntp_state_refresh(&board, &view));
    assert_false(snapshot_moved(&board, view.seen));
    now.leap = LEAP_NONE;
    now.stratum = 16;
    ntp_state_publish(&board, &now);
    assert_false(ntp_state_refresh(&board, &view));
    assert_int_equal(view.state.stratum, 2);
    assert_int_equal(view.state.leap, LEAP_NONE);
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
        cmocka_unit_test(view_follows_publications),
        cmocka_unit_test(impossible_states_are_refused),
        cmocka_unit_test(time_wraps_with_the_era),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
