// Exchanges on one clock, to a unit of 2^-32 s: what is contained, which errors there are and by
// how much, what a precision and a dispersion allow.
#include "perf/load/same_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { US = 1000, RTT_NS = 100 * US };

// Ends in odd digits: no whole number of units of 2^-32 s.
#define SENT (UINT64_C(1800000000) * NS_PER_S + 123456789)
#define ARRIVED (SENT + RTT_NS)

static struct same_clock s;
static struct same_clock_exchange e;

static ntp_time cut_off(uint64_t ns)
{
    return ntp_time_from_unix((int64_t)(ns / NS_PER_S), 0) + ((ns % NS_PER_S) << 32) / NS_PER_S;
}

// An exchange whose server reads the clock at those moments, and writes no random bits.
static int setup(void **state)
{
    (void)state;
    same_clock_init(&s);
    e = (struct same_clock_exchange){
        .sent_ns = SENT,
        .arrived_ns = ARRIVED,
        .receive = cut_off(SENT + 30 * US),
        .transmit = cut_off(SENT + 40 * US),
        .precision = -32,
    };
    return 0;
}

static void judge_expecting(unsigned receive, unsigned transmit, unsigned order)
{
    same_clock_init(&s);
    same_clock_judge(&s, &e);
    assert_int_equal(s.judged, 1);
    assert_int_equal(s.errors[SAME_CLOCK_RECEIVE], receive);
    assert_int_equal(s.errors[SAME_CLOCK_TRANSMIT], transmit);
    assert_int_equal(s.errors[SAME_CLOCK_ORDER], order);
    assert_int_equal(s.broken, receive || transmit || order);
    assert_true(same_clock_contained(&s) == (s.broken ? 0 : 1));
}

static void what_is_contained(void **state)
{
    (void)state;
    judge_expecting(0, 0, 0);
    assert_int_equal(s.uncovered + s.beyond_half_delay + s.worst_ns, 0);
    assert_in_range(spread_min(&s.receive), 30 * US - 1, 30 * US);
    assert_in_range(-spread_max(&s.transmit), 60 * US, 60 * US + 1);
    assert_in_range(s.offset.max, 15 * US - 1, 15 * US + 1);
    same_clock_init(&s);
    assert_true(same_clock_contained(&s) == 0);
}

// A server that reads the very same nanosecond, however it writes it, breaks nothing, for any
// nanosecond.
static void the_same_nanosecond(void **state)
{
    (void)state;
    e.precision = -40;
    for (uint64_t ns = 0; ns < NS_PER_S; ns += 9973) {
        uint64_t now = SENT / NS_PER_S * NS_PER_S + ns;
        e.sent_ns = e.arrived_ns = now;
        e.receive = e.transmit = cut_off(now);
        judge_expecting(0, 0, 0);
        assert_int_equal(spread_max(&s.transmit), 0);
        e.receive = e.transmit = ntp_time_from_unix((int64_t)(now / NS_PER_S), (uint32_t)ns);
        judge_expecting(0, 0, 0); // rounded
        assert_int_equal(spread_min(&s.receive), 0);
    }
}

static void to_a_unit(void **state)
{
    (void)state;
    e.precision = -40; // no bit of a timestamp is random
    e.receive = cut_off(SENT);
    judge_expecting(0, 0, 0);
    e.receive--;
    judge_expecting(1, 0, 0);
    setup(NULL);
    // The reply came within the nanosecond that the stamp names.
    e.precision = -40;
    e.transmit = cut_off(ARRIVED + 1) + 1;
    judge_expecting(0, 0, 0);
    e.transmit++;
    judge_expecting(0, 1, 0);
    setup(NULL);
    e.precision = -40;
    e.transmit = e.receive;
    judge_expecting(0, 0, 0);
    e.transmit--;
    judge_expecting(0, 0, 1);
}

static void a_precision_allows_as_much(void **state)
{
    (void)state;
    static const int8_t precisions[] = {-32, -31, -24, -18, -6, 0};
    for (unsigned i = 0; i < sizeof precisions / sizeof *precisions; i++) {
        ntp_time units = UINT64_C(1) << (32 + precisions[i]);
        setup(NULL);
        e.precision = precisions[i];
        e.receive = cut_off(SENT) - units;
        judge_expecting(0, 0, 0);
        e.receive--;
        judge_expecting(1, 0, 0);
        setup(NULL);
        e.precision = precisions[i];
        e.receive = cut_off(ARRIVED);
        e.transmit = cut_off(ARRIVED + 1) + 1 + units;
        judge_expecting(0, 0, 0);
        e.transmit++;
        judge_expecting(0, 1, 0);
    }
    e.precision = 127;
    judge_expecting(0, 0, 0);
}

static void a_dispersion_covers_as_much(void **state)
{
    (void)state;
    e.receive = cut_off(SENT) - (3 << 16);
    for (e.dispersion = 0; e.dispersion < 6; e.dispersion++) {
        judge_expecting(1, 0, 0);
        assert_int_equal(s.uncovered, e.dispersion < 3);
    }
    e.dispersion = UINT32_MAX;
    judge_expecting(1, 0, 0);
    assert_int_equal(s.uncovered, 0);
}

static void beyond_half_the_delay(void **state)
{
    (void)state;
    // One end that is wrong by x puts the offset x beyond half the delay.
    e.receive = cut_off(SENT - 999);
    judge_expecting(1, 0, 0);
    assert_int_equal(s.beyond_half_delay, 0);
    e.receive = cut_off(SENT - 1002);
    judge_expecting(1, 0, 0);
    assert_int_equal(s.beyond_half_delay, 1);
    setup(NULL);
    e.transmit = cut_off(ARRIVED + 5 * US);
    judge_expecting(0, 1, 0);
    assert_int_equal(s.beyond_half_delay, 1);
    assert_in_range(spread_max(&s.transmit), 5 * US - 1, 5 * US);
}

static void the_worst_is_kept(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 9; i++) {
        e.at_ns = i * NS_PER_S;
        e.transmit = cut_off(ARRIVED + (i == 4 ? 7 * US : i * 100));
        same_clock_judge(&s, &e);
    }
    assert_int_equal(s.errors[SAME_CLOCK_TRANSMIT], 9);
    assert_int_equal(s.worst, SAME_CLOCK_TRANSMIT);
    assert_in_range(s.worst_ns, 7 * US - 3, 7 * US);
    assert_int_equal(s.worst_at_ns, 4 * UINT64_C(1000000000));
}

static void both_ends_break_one_exchange(void **state)
{
    (void)state;
    e.receive = cut_off(SENT - 5 * US);
    e.transmit = cut_off(ARRIVED + 5 * US);
    judge_expecting(1, 1, 0);
    assert_int_equal(s.uncovered, 1);
    assert_int_equal(s.beyond_half_delay, 1);
}

// A server may say anything; the era may end within an exchange (February 2036).
static void any_time_at_all(void **state)
{
    (void)state;
    static const ntp_time times[] = {1, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < 4; j++) {
            e.receive = cut_off(SENT) + times[i];
            e.transmit = cut_off(SENT) + times[j];
            same_clock_judge(&s, &e);
        }
    assert_int_equal(s.judged, 16);
    uint64_t end = ((UINT64_C(1) << 32) - NTP_UNIX_OFFSET) * NS_PER_S;
    for (uint64_t before = 0; before <= RTT_NS; before += 10 * US) {
        setup(NULL);
        e.sent_ns = end - before;
        e.arrived_ns = e.sent_ns + RTT_NS;
        e.receive = cut_off(e.sent_ns + 30 * US);
        e.transmit = cut_off(e.sent_ns + 40 * US);
        judge_expecting(0, 0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_contained, setup),
        cmocka_unit_test_setup(the_same_nanosecond, setup),
        cmocka_unit_test_setup(to_a_unit, setup),
        cmocka_unit_test_setup(a_precision_allows_as_much, setup),
        cmocka_unit_test_setup(a_dispersion_covers_as_much, setup),
        cmocka_unit_test_setup(beyond_half_the_delay, setup),
        cmocka_unit_test_setup(the_worst_is_kept, setup),
        cmocka_unit_test_setup(both_ends_break_one_exchange, setup),
        cmocka_unit_test_setup(any_time_at_all, setup),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
