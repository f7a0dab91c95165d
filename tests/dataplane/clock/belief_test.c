// Compares control's clock with the dataplane's own readings, with a clock of 2 GHz.
#include "dataplane/clock/belief.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NS_PER_TICK 0.5
#define UTC_NS (INT64_C(1800000000) * NS_PER_S)
#define S_NS 1e9
#define TICKS(seconds) ((uint64_t)(int64_t)(2e9 * (seconds)))

static const uint64_t tsc = UINT64_C(1) << 50;

// A state whose line is made age_s before tsc and off by off_ns there, at a rate that many ppm
// fast.
static struct ntp_state state_of(double age_s, double off_ns, double ppm)
{
    const struct time_line line = {
        .tsc_base = tsc - TICKS(age_s),
        .base_ns = UTC_NS + (int64_t)off_ns - (int64_t)(age_s * S_NS),
        .ns_per_tick = NS_PER_TICK * (1 + ppm / 1e6),
    };
    return (struct ntp_state){
        .line = time_line_encode(&line),
        .tsc_hz = (uint64_t)(NS_PER_S / line.ns_per_tick),
        .written_tsc = line.tsc_base,
        .void_after = line.tsc_base + TICKS(1),
        .stratum = 1,
        .precision = -24,
        .serving = 1,
    };
}

static enum belief judge(const struct ntp_state *state, uint64_t width)
{
    double off_ns;
    const struct time_sample now = {.tsc = tsc, .width = width, .ns = UTC_NS};
    assert_true(ntp_state_is_sound(state));
    enum belief belief = belief_judge(state, &now, NS_PER_TICK, &off_ns);
    assert_int_equal(belief == BELIEF_OFF, off_ns != 0);
    return belief;
}

static enum belief judge_line(double age_s, double off_ns, double ppm)
{
    struct ntp_state state = state_of(age_s, off_ns, ppm);
    return judge(&state, 0);
}

static void a_right_clock_is_believed(void **unused)
{
    (void)unused;
    for (double age_s = 0; age_s < 30; age_s += 0.37)
        assert_int_equal(judge_line(age_s, 0, 0), BELIEF_RIGHT);
    assert_int_equal(judge_line(-0.00001, 0, 0), BELIEF_RIGHT); // another core's TSC
    assert_int_equal(judge_line(0.05, 190e3, 0), BELIEF_RIGHT);
    assert_int_equal(judge_line(0.05, -190e3, 0), BELIEF_RIGHT);
}

// The kernel slews by up to 500 ppm, while control gets no CPU.
static void a_slewed_clock_is_believed(void **unused)
{
    (void)unused;
    for (double age_s = 0; age_s < 30; age_s += 1.1) {
        assert_int_equal(judge_line(age_s, 500e-6 * age_s * S_NS, 0), BELIEF_RIGHT);
        assert_int_equal(judge_line(age_s, -500e-6 * age_s * S_NS, 0), BELIEF_RIGHT);
    }
}

// F6: a step that control has not marked yet, or a wrong clock from control, in both directions.
static void a_wrong_clock_is_not_believed(void **unused)
{
    (void)unused;
    static const double off_s[] = {0.001, 0.5, 1, 3600, 86400, 315360000};
    for (size_t i = 0; i < sizeof off_s / sizeof off_s[0]; i++)
        for (double age_s = 0; age_s < 1; age_s += 0.3) {
            assert_int_equal(judge_line(age_s, off_s[i] * S_NS, 0), BELIEF_OFF);
            assert_int_equal(judge_line(age_s, -off_s[i] * S_NS, 0), BELIEF_OFF);
        }
}

// It could not be right at the next look.
static void a_rate_has_bounds(void **unused)
{
    (void)unused;
    assert_int_equal(judge_line(0, 0, 4000), BELIEF_RIGHT);
    assert_int_equal(judge_line(0, 0, -4000), BELIEF_RIGHT);
    assert_int_equal(judge_line(0, 0, 6000), BELIEF_RATE);
    assert_int_equal(judge_line(0, 0, -6000), BELIEF_RATE);
    assert_int_equal(judge_line(0, 0, 1e6), BELIEF_RATE);
    double off_ns;
    struct ntp_state state = state_of(0, 0, 0);
    const struct time_sample now = {.tsc = tsc, .ns = UTC_NS};
    assert_int_equal(belief_judge(&state, &now, 0, &off_ns), BELIEF_RATE); // not known
}

// Else an allowance of 600 ppm of ten weeks would cover an hour.
static void an_age_has_bounds(void **unused)
{
    (void)unused;
    assert_int_equal(judge_line(6e6, 3600 * S_NS, 0), BELIEF_AGE);
    assert_int_equal(judge_line(-6e6, 3600 * S_NS, 0), BELIEF_AGE);
    assert_int_equal(judge_line(36, 0, 0), BELIEF_AGE);
    assert_int_equal(judge_line(-0.2, 0, 0), BELIEF_AGE);
    struct ntp_state state = state_of(0, 0, 0);
    state.written_tsc = tsc + TICKS(1); // so that it never seems silent
    assert_int_equal(judge(&state, 0), BELIEF_AGE);
    state.written_tsc = tsc + (UINT64_C(1) << 62);
    assert_int_equal(judge(&state, 0), BELIEF_AGE);
}

// What control says of its error counts as far as it tells clients, and no further than 10 ms.
static void a_stated_error_has_bounds(void **unused)
{
    (void)unused;
    struct ntp_state state = state_of(0, 1e6, 0);
    state.bound_ns = 900000;
    double off_ns;
    const struct time_sample now = {.tsc = tsc, .ns = UTC_NS};
    assert_int_equal(belief_judge(&state, &now, NS_PER_TICK, &off_ns), BELIEF_OFF); // told: 0
    assert_false(ntp_state_is_sound(&state)); // and no core takes it
    state.root_dispersion = 60;               // 916 us
    assert_int_equal(judge(&state, 0), BELIEF_RIGHT);
    state = state_of(0, 11e6, 0);
    state.bound_ns = UINT32_MAX;
    state.root_dispersion = 16 << 16;
    assert_int_equal(judge(&state, 0), BELIEF_OFF);
}

// A reading that was interrupted says little.
static void a_wide_reading_allows_more(void **unused)
{
    (void)unused;
    struct ntp_state state = state_of(0, 2e6, 0);
    assert_int_equal(judge(&state, TICKS(0.001)), BELIEF_OFF);
    assert_int_equal(judge(&state, TICKS(0.004)), BELIEF_RIGHT);
}

// F29: the line's era is the one that is near.
static void eras_do_not_matter(void **unused)
{
    (void)unused;
    const int64_t at_ns = INT64_C(2085978496) * NS_PER_S; // the era's first second
    const struct time_line line = {
        .tsc_base = tsc, .base_ns = at_ns - NS_PER_S / 100, .ns_per_tick = NS_PER_TICK};
    struct ntp_state state = state_of(0, 0, 0);
    state.line = time_line_encode(&line);
    double off_ns;
    struct time_sample now = {.tsc = tsc + TICKS(0.01), .ns = at_ns};
    assert_int_equal(belief_judge(&state, &now, NS_PER_TICK, &off_ns), BELIEF_RIGHT);
    now.ns += NS_PER_S;
    assert_int_equal(belief_judge(&state, &now, NS_PER_TICK, &off_ns), BELIEF_OFF);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_clock_is_believed),
        cmocka_unit_test(a_slewed_clock_is_believed),
        cmocka_unit_test(a_wrong_clock_is_not_believed),
        cmocka_unit_test(a_rate_has_bounds),
        cmocka_unit_test(an_age_has_bounds),
        cmocka_unit_test(a_stated_error_has_bounds),
        cmocka_unit_test(a_wide_reading_allows_more),
        cmocka_unit_test(eras_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
