// The time source when control did not run, was delayed, or was interrupted while it read its
// clocks.
#include "control/time/time_source.h"

#include "tests/control/time/time_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

// F1: a restarted control leaves its predecessor's line in place until it has its own.
static void restart_takes_over_without_a_gap(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_world_run(5 * S);
    time_source_close(time_subject);
    for (int i = 0; i < 2000; i++)
        sim_clock_advance(&time_sim, MS);
    time_world_open();
    uint64_t published = atomic_load(&time_board.sequence);
    uint64_t start = time_sim.ns;
    while (atomic_load(&time_board.sequence) == published) {
        assert_true(time_sim.ns - start < 300 * MS);
        time_world_tick();
        assert_false(time_world_marked());
        assert_true(fabs(time_world_error_ns()) < 1000);
    }
    assert_true(time_world_run(2 * S) < 1000);
    assert_int_equal(time_view.state.steps, 0);
}

// F1 and F6: the clock was stepped while no control was there to see it. The first look marks it.
static void restart_sees_a_step_behind_its_back(void **state)
{
    (void)state;
    const int64_t steps_ns[] = {5 * MS, -(int64_t)S, -315360000 * (int64_t)S};
    for (int i = 0; i < 3; i++) {
        time_world_until(false, 500 * MS);
        time_world_run(5 * S);
        time_source_close(time_subject);
        sim_clock_advance(&time_sim, 2 * S);
        time_sim.utc_ns += steps_ns[i];
        time_world_open();
        time_world_tick();
        assert_true(time_world_marked());
        assert_true(fabs(time_world_error_ns()) < 1e6);
        assert_int_equal(time_view.state.steps, 1);
    }
    time_world_until(false, 500 * MS);
    assert_true(time_world_run(2 * S) < 1000);
}

// F30: looks that were interrupted for milliseconds are neither steps nor an excuse for a wrong
// line.
static void interruptions_are_no_steps(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_world_run(2 * S);
    double worst = 0;
    for (int i = 0; i < 200; i++) {
        time_sim.stall_ns = i % 3 == 0 ? 7 * MS : 0;
        worst = fmax(worst, time_world_run(50 * MS));
    }
    time_sim.stall_ns = 0;
    assert_true(worst < 20000);
    assert_int_equal(time_view.state.steps, 0);
    assert_true(time_world_run(2 * S) < 20000);
}

// Control's loop was held up for seconds: the line is taken up again without a mark.
static void late_turns_are_no_steps(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_sim.ppm = 40;
    time_world_run(5 * S);
    for (int i = 0; i < 5; i++) {
        sim_clock_advance(&time_sim, 20 * S);
        time_world_run(S);
    }
    assert_int_equal(time_view.state.steps, 0);
    assert_true(time_world_run(S) < 1000);
}

// The real clocks of this machine, for once.
static void real_clocks_give_a_line(void **state)
{
    (void)state;
    time_source_close(time_subject);
    time_subject = NULL;
    time_config.time.source = TIME_FIXED;
    assert_int_equal(time_source_open(&time_config, -1, &time_board, &time_subject), 0);
    for (int i = 0; i < 6000 && time_world_marked(); i++) {
        time_source_turn(time_subject, 0);
        ntp_state_refresh(&time_board, &time_view);
        nanosleep(&(struct timespec){.tv_nsec = 5 * MS}, NULL);
    }
    assert_false(time_world_marked());
    assert_true(time_view.state.tsc_hz > 100000000);
    print_message("# %lu Hz, precision %d, line within %u ns\n",
                  (unsigned long)time_view.state.tsc_hz, time_view.state.precision,
                  time_view.state.bound_ns);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(restart_takes_over_without_a_gap, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(restart_sees_a_step_behind_its_back, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(interruptions_are_no_steps, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(late_turns_are_no_steps, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(real_clocks_give_a_line, time_world_setup,
                                        time_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
