// Which publications of control's clock make another generation of it: what interleaved mode has
// remembered is void then. clock_relay.c is part of this file.
#include "dataplane/clock_relay.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TSC UINT64_C(1000000000000)

// A clock of a gigahertz, as of `tsc`.
static struct ntp_state clock_at(uint64_t tsc)
{
    const uint64_t rate = (uint64_t)((double)(UINT64_C(1) << CLOCK_RATE_SHIFT) * 4.294967296);
    return (struct ntp_state){
        .line = {.tsc_base = TSC, .utc_base = UINT64_C(0xe8) << 56, .rate = rate},
        .tsc_hz = NS_PER_S,
        .written_tsc = tsc,
        .serving = 1,
        .steps = 2,
    };
}

// The same line, from a later base, ahead by so many nanoseconds.
static struct ntp_state moved(uint64_t by_tsc, int64_t ahead_ns)
{
    struct ntp_state state = clock_at(TSC + by_tsc);
    state.line.utc_base = clock_utc(&state.line, TSC + by_tsc);
    state.line.tsc_base = TSC + by_tsc;
    state.void_after = TSC + by_tsc + NS_PER_S;
    uint64_t by = (uint64_t)(ahead_ns < 0 ? -ahead_ns : ahead_ns) * 4294967296 / NS_PER_S;
    state.line.utc_base += ahead_ns < 0 ? 0 - by : by;
    return state;
}

// IL-10: a step is what control counts, and also what only the lines show.
static void steps_are_told_from_slews(void **unused)
{
    (void)unused;
    const struct ntp_state before = clock_at(TSC);
    static const struct {
        uint64_t by_tsc;
        int64_t ahead_ns;
        bool step;
    } cases[] = {
        {250000000, 0, false},          {250000000, 1400000, false},
        {250000000, -1400000, false},   {250000000, 1600000, true},
        {250000000, -1600000, true},    {250000000, 1000000000, true},
        {250000000, -1000000000, true}, {2000000000, 9900000, false},
        {2000000000, 11000000, true},   {0, 0, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ntp_state after = moved(cases[i].by_tsc, cases[i].ahead_ns);
        assert_int_equal(is_step(&before, &after), cases[i].step);
        assert_int_equal(is_step(&after, &before), cases[i].step);
        after.steps++;
        assert_true(is_step(&before, &after));
    }
    struct ntp_state none = moved(1000, 0);
    none.serving = 0;
    assert_true(is_step(&before, &none));
    assert_true(is_step(&none, &before));
}

// The cores get the generation with the record.
static void the_generation_is_passed_on(void **unused)
{
    (void)unused;
    static struct board_dataplane board;
    static struct snapshot from;
    static struct stamp_clock stamps;
    struct clock_relay relay;
    struct ntp_state_view view = {0};
    struct ntp_state state = moved(0, 0);
    state.stratum = 1;
    state.precision = -25;
    state.leap = LEAP_UNKNOWN; // it claims nothing, so it is not compared with this machine's clock
    ntp_state_publish(&from, &state);
    clock_relay_open(&relay, &from, &board, &stamps);
    assert_true(ntp_state_refresh(&board.ntp_state, &view));
    const uint32_t first = view.state.generation;
    for (unsigned i = 1; i < 5; i++) {
        state = moved(i * UINT64_C(250000000), i < 3 ? 0 : 10000000 * (int64_t)(i - 2));
        state.stratum = 1;
        state.precision = -25;
        state.leap = LEAP_UNKNOWN;
        ntp_state_publish(&from, &state);
        clock_relay_turn(&relay);
        assert_true(ntp_state_refresh(&board.ntp_state, &view));
        assert_int_equal(view.state.generation, first + (i < 3 ? 0 : i - 2));
    }
}

// F29: a leap second is a step for cores of ports that announce it, and none for those that smear.
static void a_smeared_leap_second_is_no_step(void **unused)
{
    (void)unused;
    static struct board_dataplane board;
    static struct snapshot from;
    static struct stamp_clock stamps;
    struct clock_relay relay;
    struct ntp_state_view view = {0};
    struct ntp_state_view with_smear = {0};
    const int64_t half = INT64_C(1) << 31;
    for (unsigned i = 0; i < 2; i++) {
        struct ntp_state state = moved(i * UINT64_C(250000000), i == 0 ? 0 : -NS_PER_S);
        state.stratum = 1;
        state.precision = -25;
        state.leap = state.smear_leap = LEAP_UNKNOWN; // see above
        state.smear_state = SMEAR_ON;
        state.smear_of = LEAP_INSERT;
        state.smear = i == 0 ? -half : half;
        ntp_state_publish(&from, &state);
        if (i == 0)
            clock_relay_open(&relay, &from, &board, &stamps);
        else
            clock_relay_turn(&relay);
        const uint32_t generation = view.state.generation;
        const uint32_t smear_generation = with_smear.state.generation;
        const ntp_time smeared_before = with_smear.state.line.utc_base;
        assert_true(ntp_state_refresh(&board.ntp_state, &view));
        assert_true(ntp_state_refresh(&board.ntp_state_smeared, &with_smear));
        if (i == 0)
            continue;
        assert_int_equal(view.state.generation, generation + 1);
        assert_int_equal(with_smear.state.generation, smear_generation);
        const ntp_time quarter = UINT64_C(1) << 30;
        const int64_t off = (int64_t)(with_smear.state.line.utc_base - smeared_before - quarter);
        assert_in_range(off + 100, 0, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_told_from_slews),
        cmocka_unit_test(the_generation_is_passed_on),
        cmocka_unit_test(a_smeared_leap_second_is_no_step),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
