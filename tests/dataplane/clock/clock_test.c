// The line over the TSC, and ageing.
#include "dataplane/clock/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HZ UINT64_C(2596000000)

// 2^-32 s a tick, times 2^48, at HZ.
static uint64_t rate_of(double hz)
{
    return (uint64_t)(4294967296.0 / hz * 281474976710656.0 + 0.5);
}

static struct ntp_state state_at(uint64_t tsc)
{
    return (struct ntp_state){
        .line = {.tsc_base = tsc, .utc_base = UINT64_C(0xe0000000) << 32, .rate = rate_of(HZ)},
        .tsc_hz = HZ,
        .written_tsc = tsc,
        .void_after = tsc + 60 * HZ,
        .root_dispersion = 10,
        .leap = LEAP_NONE,
        .stratum = 1,
        .serving = 1,
    };
}

static void a_second_of_ticks_is_a_second(void **unused)
{
    (void)unused;
    struct ntp_state s = state_at(UINT64_C(1) << 60);
    for (int64_t seconds = -3; seconds <= 100000; seconds += seconds < 10 ? 1 : 33333) {
        ntp_time t = clock_utc(&s.line, s.line.tsc_base + (uint64_t)(seconds * (int64_t)HZ));
        int64_t off = (int64_t)(t - s.line.utc_base - ((uint64_t)seconds << 32));
        assert_true(off > -50000 && off < 50000); // 12 us in a day: the rate's last bit
    }
    assert_true(clock_utc(&s.line, s.line.tsc_base) == s.line.utc_base);
    assert_true(clock_utc(&s.line, s.line.tsc_base + 1) - s.line.utc_base <= 2);
}

// NTP-8: the era ends on 7 February 2036 at 06:28:16 and the timestamp goes on at 0.
static void the_era_wraps(void **unused)
{
    (void)unused;
    assert_true(ntp_time_from_unix(2085978495, 0) == UINT64_C(0xffffffff) << 32);
    assert_true(ntp_time_from_unix(2085978496, 0) == 0);
    struct ntp_state s = state_at(1000);
    s.line.utc_base = ntp_time_from_unix(2085978495, 0);
    assert_int_equal(clock_utc(&s.line, 1000 + HZ / 2) >> 32, 0xffffffff);
    ntp_time later = clock_utc(&s.line, 1000 + 2 * HZ);
    assert_true(later >> 32 <= 1);
    assert_int_equal((later + 0x1000) >> 32, 1);
    s.line.utc_base = ntp_time_from_unix(2085978497, 0);
    assert_int_equal((clock_utc(&s.line, 1000 - 2 * HZ) - 0x1000) >> 32, 0xfffffffe);
}

// F28: while control is silent dispersion grows by 15 ppm, and after the limit the leap is unknown.
static void silence_ages_the_state(void **unused)
{
    (void)unused;
    struct ntp_state s = state_at(5000);
    assert_int_equal(clock_aged(&s, 5000, 0).root_dispersion, 10);
    assert_int_equal(clock_aged(&s, 4000, 0).root_dispersion,
                     10); // another core's TSC, just behind
    struct ntp_state aged = clock_aged(&s, 5000 + 20 * HZ, 0);
    assert_int_equal(aged.root_dispersion, 10 + 20); // 300 us are 19.7 units, rounded up
    assert_int_equal(aged.leap, LEAP_NONE);
    assert_int_equal(aged.stratum, 1);

    assert_int_equal(clock_aged(&s, 5000 + CLOCK_SILENCE_MAX_S * HZ, 0).leap, LEAP_NONE);
    assert_int_equal(clock_aged(&s, 5000 + CLOCK_SILENCE_MAX_S * HZ + HZ / 100, 0).leap,
                     LEAP_UNKNOWN);
    s.leap = LEAP_INSERT;
    assert_int_equal(clock_aged(&s, 5000 + HZ, 0).leap, LEAP_INSERT);
}

// F28: the line's own growth counts beside the drift, and once nobody watches the line it grows
// faster.
static void the_bound_of_the_line_grows(void **unused)
{
    (void)unused;
    struct ntp_state s = state_at(5000);
    s.growth_ppb = 30000; // 30 us a second, 1.966 units
    assert_int_equal(clock_aged(&s, 5000 + 10 * HZ, 0).root_dispersion, 10 + 30);
    s.growth_ppb = 0;
    s.void_after = 5000 + HZ;
    assert_int_equal(clock_aged(&s, 5000 + HZ, 0).root_dispersion, 10 + 1);
    // 600 us a second, 39.32 units, for the second that begins then.
    assert_int_equal(clock_aged(&s, 5000 + 2 * HZ, 0).root_dispersion, 10 + 42);
}

// F30: what is not known of the arrival widens the dispersion, up to its maximum.
static void an_unsure_arrival_widens_dispersion(void **unused)
{
    (void)unused;
    struct ntp_state s = state_at(5000);
    assert_int_equal(clock_aged(&s, 5000, HZ / 10).root_dispersion, 10 + 6554);
    s.root_dispersion = UINT32_MAX;
    struct ntp_state aged = clock_aged(&s, 5000, 0);
    assert_int_equal(aged.root_dispersion, CLOCK_DISPERSION_MAX);
    assert_int_equal(aged.leap, LEAP_UNKNOWN);
    s = (struct ntp_state){.leap = LEAP_UNKNOWN};
    assert_int_equal(clock_aged(&s, 5000, HZ).leap, LEAP_UNKNOWN); // nothing published: no hz
}

// F29: the clock is about to jump, and the line does not know it.
static void a_void_line_is_marked(void **unused)
{
    (void)unused;
    struct ntp_state s = state_at(5000);
    assert_false(clock_is_marked(&s, 5000 + HZ));
    s.jump_tsc = 5000 + HZ;
    assert_false(clock_is_marked(&s, 4999 + HZ));
    assert_int_equal(clock_aged(&s, 4999 + HZ, 0).leap, LEAP_NONE);
    assert_true(clock_is_marked(&s, 5000 + HZ));
    assert_int_equal(clock_aged(&s, 5000 + HZ, 0).leap, LEAP_UNKNOWN);
    assert_true(clock_is_marked(&s, 5000 + 2 * HZ));
}

// All that marks a reply, asked before there is one.
static void marked_as_it_ages(void **unused)
{
    (void)unused;
    struct ntp_state s = state_at(5000);
    for (unsigned seconds = 0; seconds < 40; seconds++)
        assert_int_equal(clock_is_marked(&s, 5000 + seconds * HZ),
                         clock_aged(&s, 5000 + seconds * HZ, 0).leap == LEAP_UNKNOWN);
    assert_true(clock_is_marked(&s, 5000 + 31 * HZ));
    s.root_dispersion = CLOCK_DISPERSION_MAX - 1;
    assert_false(clock_is_marked(&s, 5000));
    assert_true(clock_is_marked(&s, 5000 + 2 * HZ));
    s = state_at(5000);
    s.leap = LEAP_UNKNOWN;
    assert_true(clock_is_marked(&s, 5000));
    assert_true(clock_is_marked(&(struct ntp_state){0}, 5000));
}

// F30: the bound between composing and sending.
static void ten_milliseconds_are_stale(void **unused)
{
    (void)unused;
    struct ntp_state s = state_at(0);
    assert_false(clock_is_stale(&s, HZ / 100));
    assert_true(clock_is_stale(&s, HZ / 100 + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_of_ticks_is_a_second),
        cmocka_unit_test(the_era_wraps),
        cmocka_unit_test(silence_ages_the_state),
        cmocka_unit_test(the_bound_of_the_line_grows),
        cmocka_unit_test(an_unsure_arrival_widens_dispersion),
        cmocka_unit_test(a_void_line_is_marked),
        cmocka_unit_test(marked_as_it_ages),
        cmocka_unit_test(ten_milliseconds_are_stale),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
