// F29: over a leap second. The kernel puts CLOCK_REALTIME back at 00:00:00, or forth at 23:59:59.
// No reply is unmarked and wrong, not even for the moment until the jump has been noticed.
#include "control/time/time_source.h"

#include "dataplane/clock/clock.h"
#include "tests/control/log_recorder.h"
#include "tests/control/time/time_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIDNIGHT 1483228800 // 2017-01-01, behind the last leap second that there was
#define BEFORE_S 20

static void begin(int kernel, int status)
{
    time_source_close(time_subject);
    sim_clock_init(&time_sim, MIDNIGHT - BEFORE_S);
    time_sim.kernel = kernel;
    time_sim.status |= status;
    time_world_open();
    time_world_until(false, 300 * MS);
}

// As a core sees the state at this moment.
static bool served_marked(void)
{
    return clock_is_marked(&time_view.state, sim_clock_tsc(&time_sim));
}

// Runs until that time of the calendar, checking each millisecond. Returns the milliseconds in
// which replies were marked.
static unsigned run_until_utc(int64_t utc_ns, unsigned leap)
{
    unsigned marked = 0;
    while (time_sim.utc_ns < utc_ns) {
        time_world_tick();
        marked += served_marked();
        if (served_marked())
            continue;
        if (fabs(time_world_error_ns()) > 1e6)
            fail_msg("wrong by %.6f s, unmarked, at %.6f s before midnight",
                     time_world_error_ns() / 1e9,
                     (double)(MIDNIGHT * S - (uint64_t)time_sim.utc_ns) / 1e9);
        assert_int_equal(time_view.state.leap, leap);
    }
    return marked;
}

static void jump(int64_t by_ns, int kernel, unsigned leap)
{
    const int64_t at = MIDNIGHT * (int64_t)S - (by_ns > 0 ? (int64_t)S : 0);
    assert_true(run_until_utc(at, leap) <= 12); // its margin
    assert_true(served_marked());
    time_sim.utc_ns += by_ns;
    time_sim.kernel = kernel;
}

static void inserted(void **state)
{
    (void)state;
    begin(TIME_INS, STA_INS);
    jump(-(int64_t)S, TIME_OOP, LEAP_INSERT);
    const unsigned marked = run_until_utc(MIDNIGHT * (int64_t)S, LEAP_INSERT);
    print_message("# an inserted second: marked for %u ms behind it\n", marked);
    assert_true(marked < 400);
    // The kernel's state until its program takes the announcement back.
    time_sim.kernel = TIME_WAIT;
    time_world_run(50 * MS); // until the next publication
    assert_true(run_until_utc((MIDNIGHT + 20) * (int64_t)S, LEAP_NONE) == 0);
    assert_int_equal(time_view.state.steps, 0);
    assert_true(log_recorder_has("info: the announced leap second is over"));
    assert_false(log_recorder_has("warning"));
}

static void deleted(void **state)
{
    (void)state;
    begin(TIME_DEL, STA_DEL);
    jump((int64_t)S, TIME_WAIT, LEAP_DELETE);
    assert_true(run_until_utc((MIDNIGHT + 20) * (int64_t)S, LEAP_NONE) < 400);
    assert_int_equal(time_view.state.steps, 0);
}

// Its program keeps the mark of the kernel and does not take the announcement back: a day later no
// other second is announced.
static void announced_for_too_long(void **state)
{
    (void)state;
    begin(TIME_ERROR, STA_INS | STA_UNSYNC);
    jump(-(int64_t)S, TIME_ERROR, LEAP_INSERT);
    run_until_utc(MIDNIGHT * (int64_t)S, LEAP_INSERT);
    time_world_run(100 * MS);
    assert_true(run_until_utc((MIDNIGHT + 60) * (int64_t)S, LEAP_NONE) == 0);
}

// chronyd slews over it (`leapsecmode slew`): announced, and then there is no jump.
static void slewed_over(void **state)
{
    (void)state;
    begin(TIME_INS, STA_INS);
    assert_true(run_until_utc(MIDNIGHT * (int64_t)S, LEAP_INSERT) <= 12);
    time_world_run(100 * MS);
    assert_true(run_until_utc((MIDNIGHT + 20) * (int64_t)S, LEAP_NONE) == 0);
    assert_int_equal(time_view.state.steps, 0);
}

// chronyd as the source: the jump is no foreign step, so nothing waits for its next measurement.
static void with_chronyd(void **state)
{
    (void)state;
    time_config.time.source = TIME_CHRONYD;
    time_chronyd.leap = 1;
    begin(TIME_INS, 0);
    jump(-(int64_t)S, TIME_OOP, LEAP_INSERT);
    assert_true(run_until_utc(MIDNIGHT * (int64_t)S, LEAP_INSERT) < 400);
    time_world_run(100 * MS);
    assert_true(run_until_utc((MIDNIGHT + 20) * (int64_t)S, LEAP_NONE) == 0); // still says 1
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(inserted, time_world_setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(deleted, time_world_setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(announced_for_too_long, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(slewed_over, time_world_setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(with_chronyd, time_world_setup, time_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
