// When a frame arrived by its device's own clock: RSP-12, RSP-13, F30. A stamp of that clock is
// believed as far as its witness allows, the kernel's stamp or the poll.
#include "dataplane/clock/turn_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HZ UINT64_C(2600000000)
#define TSC0 UINT64_C(987654321987654)
#define UTC0 UINT64_C(0xe800000080000000)
#define KERNEL0 UINT64_C(86400000000000)   // a machine that is up for a day
#define OWN0 UINT64_C(1785000037123456789) // a device that keeps TAI
#define UNIT 4.294967296                   // of 2^-32 s in a ns

static struct world {
    struct turn_time turn;
    struct ntp_state state;
    struct stamp_line kernel, own;
    struct burst burst;
    struct moment moment[LANES];
    struct turn_stamps stamps;
} w;

static struct stamp_line line_at(uint64_t base, double ns_per_tick, uint32_t bound_ns)
{
    return (struct stamp_line){
        .stamp_base = base,
        .tsc_base = TSC0,
        .rate = (uint64_t)((double)(UINT64_C(1) << STAMP_RATE_SHIFT) / ns_per_tick),
        .until = TSC0 + HZ,
        .bound_ns = bound_ns,
    };
}

// The core polled at TSC0 + 100 us, and before that at TSC0. The device's clock is 90 ppm fast.
static int open(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    w.state.tsc_hz = HZ;
    w.state.line = (struct clock_line){
        .tsc_base = TSC0,
        .utc_base = UTC0,
        .rate = (uint64_t)(UNIT / 2.6 * (double)(UINT64_C(1) << CLOCK_RATE_SHIFT)),
    };
    w.kernel = line_at(KERNEL0, 1 / 2.6, 40);
    w.own = line_at(OWN0, 1.00009 / 2.6, 25);
    turn_time_start(&w.turn, TSC0);
    turn_time_poll(&w.turn, TSC0 + HZ / 10000);
    turn_time_arrive(&w.turn, TSC0 + HZ / 10000, true, true);
    return 0;
}

static void own(unsigned lane, int64_t ns)
{
    w.burst.hardware |= lane_bit(lane);
    w.burst.own[lane] = OWN0 + (uint64_t)(int64_t)((double)ns * 1.00009);
}

static void kernel(unsigned lane, int64_t ns)
{
    w.burst.stamped |= lane_bit(lane);
    w.burst.stamp[lane] = KERNEL0 + (uint64_t)ns;
}

static void look(unsigned n)
{
    const struct turn_lines lines = {&w.kernel, &w.own};
    w.stamps = turn_time_moments(&w.turn, &w.state, &lines, &w.burst, lane_first(n), w.moment);
}

static double ns_of(unsigned lane)
{
    return (double)(int64_t)(w.moment[lane].utc - UTC0) / UNIT;
}

static void expect(unsigned lane, double ns, enum moment_source source)
{
    assert_true(ns_of(lane) > ns - 3 && ns_of(lane) < ns + 3);
    assert_int_equal(w.moment[lane].source, source);
}

static double unsure_ns(void)
{
    return (double)w.turn.unsure / 2.6;
}

// The arrival is the device's; what lies between it and the kernel's stamp is told as an error.
static void the_device_is_first(void **unused)
{
    (void)unused;
    own(0, 20000);
    kernel(0, 27000);
    own(1, 30000);
    kernel(1, 31000);
    look(2);
    expect(0, 20000, MOMENT_OWN);
    expect(1, 30000, MOMENT_OWN);
    assert_int_equal(w.stamps.own, 3);
    assert_int_equal(w.stamps.refused, 0);
    assert_true(w.moment[1].error_ns >= 1000 && w.moment[1].error_ns < 1100);
    assert_true(unsure_ns() >= 7000 && unsure_ns() < 7100);
}

// The line's own bound counts when it is wider than that.
static void the_bound_counts(void **unused)
{
    (void)unused;
    w.own.bound_ns = 900;
    own(0, 20000);
    kernel(0, 20100);
    look(1);
    expect(0, 20000, MOMENT_OWN);
    assert_true(unsure_ns() >= 900 && unsure_ns() < 910);
}

// Whatever a clock says that has jumped: it is refused, or the true arrival lies within the error.
static void a_jump_is_refused_or_told(void **unused)
{
    (void)unused;
    static const int64_t jumps[] = {-9000000000, -1000000000, -700000, -7000, -50,     0,
                                    50,          1500,        2500,    7000,  1000000, 9000000000};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        for (unsigned witnessed = 0; witnessed < 2; witnessed++) {
            open(NULL);
            const double arrived = 95000; // and the kernel saw it 1 us later
            own(0, (int64_t)arrived + jumps[i]);
            if (witnessed)
                kernel(0, (int64_t)arrived + 1000);
            look(1);
            const double late = ns_of(0) - arrived;
            assert_true(late > -unsure_ns() - 3);
            assert_true(late <= 3 || late <= (witnessed ? 1003 : 5003)); // the witness
        }
    }
}

// What waited for longer than any interrupt takes is another time than the frame's.
static void much_earlier_is_refused(void **unused)
{
    (void)unused;
    own(0, 20000 - 9990000);
    kernel(0, 20000);
    own(1, 20000 - 10010000);
    kernel(1, 20000);
    look(2);
    expect(0, 20000 - 9990000, MOMENT_OWN);
    expect(1, 20000, MOMENT_STAMP);
    assert_int_equal(w.stamps.refused, 2);
}

static void later_than_the_witness_is_refused(void **unused)
{
    (void)unused;
    own(0, 24000);
    kernel(0, 20000);
    own(1, 20000 + 1000); // within the slack: the kernel's counts
    kernel(1, 20000);
    own(2, 103000); // later than the poll
    own(3, -9000000000);
    look(4);
    expect(0, 20000, MOMENT_STAMP);
    expect(1, 20000, MOMENT_OWN);
    expect(2, 100000, MOMENT_POLL);
    expect(3, 100000, MOMENT_POLL);
    assert_int_equal(w.stamps.refused, 13);
    assert_int_equal(w.stamps.own, 2);
}

// F30: a lane without any stamp still counts as arrived at some time since the poll before.
static void the_widest_lane_is_told(void **unused)
{
    (void)unused;
    own(0, 99000);
    kernel(0, 99100);
    look(2);
    expect(0, 99000, MOMENT_OWN);
    expect(1, 100000, MOMENT_POLL);
    assert_true(unsure_ns() > 99990 && unsure_ns() < 100010);
    open(NULL);
    own(0, -400000); // waited while the core was away, and has no other witness than the poll
    look(1);
    expect(0, -400000, MOMENT_OWN);
    assert_true(unsure_ns() > 499990 && unsure_ns() < 500010);
}

static void without_a_line_the_kernel_counts(void **unused)
{
    (void)unused;
    own(0, 20000);
    kernel(0, 27000);
    own(1, 20000);
    w.own = (struct stamp_line){0};
    look(2);
    expect(0, 27000, MOMENT_STAMP);
    expect(1, 100000, MOMENT_POLL);
    assert_int_equal(w.stamps.refused, 3);
    open(NULL);
    own(0, 20000);
    w.own.until = TSC0 + HZ / 10000;
    look(1);
    expect(0, 100000, MOMENT_POLL);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_device_is_first, open),
        cmocka_unit_test_setup(the_bound_counts, open),
        cmocka_unit_test_setup(a_jump_is_refused_or_told, open),
        cmocka_unit_test_setup(much_earlier_is_refused, open),
        cmocka_unit_test_setup(later_than_the_witness_is_refused, open),
        cmocka_unit_test_setup(the_widest_lane_is_told, open),
        cmocka_unit_test_setup(without_a_line_the_kernel_counts, open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
