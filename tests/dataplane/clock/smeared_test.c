// F29: the state that cores of a port that smears read.
#include "dataplane/clock/smeared.h"

#include "base/ntp_time.h"
#include "dataplane/clock/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TSC UINT64_C(1000000000000)
#define HALF (INT64_C(1) << 31)

static struct ntp_state clock_of(enum ntp_smear smear)
{
    const uint64_t rate = (uint64_t)((double)(UINT64_C(1) << CLOCK_RATE_SHIFT) * 4.294967296);
    const ntp_time now = UINT64_C(0xe8) << 56;
    return (struct ntp_state){
        .line = {.tsc_base = TSC, .utc_base = now, .rate = rate},
        .tsc_hz = NS_PER_S,
        .written_tsc = TSC,
        .void_after = TSC + NS_PER_S,
        .reference_time = now - (UINT64_C(100) << 32),
        .reference_id = 0x47505300,
        .leap = LEAP_INSERT,
        .stratum = 1,
        .serving = 1,
        .jump_tsc = TSC + 10 * (uint64_t)NS_PER_S,
        .smear_state = (uint8_t)smear,
        .smear_of = LEAP_INSERT,
        .smear = smear == SMEAR_NONE ? 0 : -HALF,
        .smear_rate = smear == SMEAR_NONE ? 0 : -(int64_t)(rate / 86401),
    };
}

static void all_times_are_smeared(void **unused)
{
    (void)unused;
    const struct ntp_state state = clock_of(SMEAR_ON);
    const struct ntp_state out = smeared(&state);
    assert_true(ntp_state_is_sound(&state));
    assert_true(ntp_state_is_sound(&out));
    assert_int_equal(out.leap, LEAP_NONE);
    assert_int_equal(out.jump_tsc, 0);
    assert_int_equal(out.reference_id, SMEARED_REFERENCE);
    assert_true(out.reference_time == state.reference_time - HALF);
    assert_true(clock_utc(&out.line, TSC) == state.line.utc_base - HALF);
    // 86401 s later it is a second more behind.
    const uint64_t later = TSC + UINT64_C(86401) * NS_PER_S;
    const int64_t behind = (int64_t)(clock_utc(&state.line, later) - clock_utc(&out.line, later));
    assert_in_range(behind, 3 * HALF - 100000, 3 * HALF + 100000);
    // Behind the jump, too.
    assert_true(clock_is_marked(&state, state.jump_tsc));
    assert_false(clock_is_marked(&out, state.jump_tsc));
}

static void without_a_smear_nothing_changes(void **unused)
{
    (void)unused;
    const struct ntp_state state = clock_of(SMEAR_NONE);
    const struct ntp_state out = smeared(&state);
    assert_memory_equal(&out, &state, sizeof out);
}

// On the day of the leap second, before the smear begins, the time is UTC and nothing is announced.
static void the_morning_before(void **unused)
{
    (void)unused;
    struct ntp_state state = clock_of(SMEAR_ON);
    state.smear = state.smear_rate = 0;
    const struct ntp_state out = smeared(&state);
    assert_int_equal(out.leap, LEAP_NONE);
    assert_int_equal(out.reference_id, state.reference_id);
    assert_memory_equal(&out.line, &state.line, sizeof out.line);
}

static void marked_when_the_clock_is(void **unused)
{
    (void)unused;
    struct ntp_state state = clock_of(SMEAR_LOST);
    assert_int_equal(smeared(&state).leap, LEAP_UNKNOWN);
    state = clock_of(SMEAR_ON);
    state.smear_leap = LEAP_UNKNOWN;
    assert_int_equal(smeared(&state).leap, LEAP_UNKNOWN);
    state.smear_leap = LEAP_NONE;
    state.leap = LEAP_UNKNOWN; // the jump alone
    assert_int_equal(smeared(&state).leap, LEAP_NONE);
}

// A reference time from before the jump is not later than the present behind it.
static void no_reference_in_the_future(void **unused)
{
    (void)unused;
    struct ntp_state state = clock_of(SMEAR_ON);
    state.smear = HALF;
    state.reference_time = state.line.utc_base + HALF;
    assert_true(smeared(&state).reference_time == state.line.utc_base + HALF);
}

static void which_difference_is_the_jump(void **unused)
{
    (void)unused;
    struct ntp_state state = clock_of(SMEAR_ON);
    const uint64_t jump = state.jump_tsc;
    assert_true(smeared_explains(&state, jump, -1e9 + 1e6));
    assert_true(smeared_explains(&state, jump + NS_PER_S, -1e9));
    assert_false(smeared_explains(&state, jump - 1, -1e9));
    assert_false(smeared_explains(&state, jump + 2 * (uint64_t)NS_PER_S, -1e9));
    assert_false(smeared_explains(&state, jump, 1e9));
    assert_false(smeared_explains(&state, jump, -0.9e9));
    assert_false(smeared_explains(&state, jump, 0));
    state.smear_of = LEAP_DELETE;
    assert_true(smeared_explains(&state, jump, 1e9));
    state.jump_tsc = 0;
    assert_false(smeared_explains(&state, jump, 1e9));
    state = clock_of(SMEAR_NONE);
    assert_false(smeared_explains(&state, jump, -1e9));
}

// Cores refuse what is no smear of a second in a day.
static void out_of_range(void **unused)
{
    (void)unused;
    struct ntp_state state = clock_of(SMEAR_ON);
    state.smear = 3 * HALF;
    assert_false(ntp_state_is_sound(&state));
    state = clock_of(SMEAR_ON);
    state.smear_rate = -(int64_t)(state.line.rate / 40000);
    assert_false(ntp_state_is_sound(&state));
    state = clock_of(SMEAR_ON);
    state.smear_leap = LEAP_INSERT;
    assert_false(ntp_state_is_sound(&state));
    state = clock_of(SMEAR_ON);
    state.smear_state = 3;
    assert_false(ntp_state_is_sound(&state));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_times_are_smeared),
        cmocka_unit_test(without_a_smear_nothing_changes),
        cmocka_unit_test(the_morning_before),
        cmocka_unit_test(marked_when_the_clock_is),
        cmocka_unit_test(no_reference_in_the_future),
        cmocka_unit_test(which_difference_is_the_jump),
        cmocka_unit_test(out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
