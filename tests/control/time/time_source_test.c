// The time source over simulated clocks: compares the board with the true clock at every
// millisecond.
#include "control/time/time_source.h"

#include "board/time_fit.h"
#include "tests/control/log_recorder.h"
#include "tests/control/time/time_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void cold_start_is_quick(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&time_board.sequence), 0);
    uint64_t took = time_world_until(false, 300 * MS);
    print_message("# first line after %lu ms\n", (unsigned long)(took / MS));
    assert_true(fabs(time_world_error_ns()) < 1000);
    assert_true(time_world_run(10 * S) < 1000);
    assert_int_equal(time_view.state.leap, LEAP_NONE);
    assert_int_equal(time_view.state.stratum, 1);
    assert_int_equal(time_view.state.reference_id, 0x47505300);
    assert_true(llabs((long long)time_view.state.tsc_hz - (long long)time_sim.hz) < 3000);
    assert_true(time_view.state.precision <= -23 && time_view.state.precision >= -25);
    assert_int_equal(time_view.state.steps, 0);
    assert_true(time_view.state.bound_ns < 1000);
    // 800 us as the kernel says, in units of 2^-16 s, rounded up.
    assert_true(time_view.state.root_dispersion == 53 || time_view.state.root_dispersion == 54);
    // Read 20 times a second, over 25 ns: the line is known to some ns, its rate to some ns a
    // second.
    assert_in_range(time_view.state.bound_ns, 1, 100);
    assert_in_range(time_view.state.growth_ppb, 1, 200);
    assert_int_equal(time_view.state.gates, TIME_FIT_SAMPLES);
    assert_true(time_view.state.void_after ==
                time_view.state.line.tsc_base + time_view.state.tsc_hz);
    // The line is never old, and the clock was good when it was last looked at.
    assert_true(sim_clock_tsc(&time_sim) - time_view.state.written_tsc < time_sim.hz / 10);
    assert_true(time_view.state.reference_time == time_view.state.line.utc_base);
}

static void drift_and_slewing_are_followed(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    const double ppm[] = {100, -100, 0.5, -500, 500, 0};
    for (unsigned i = 0; i < sizeof ppm / sizeof *ppm; i++) {
        time_sim.ppm = ppm[i];
        assert_true(time_world_run(2 * S) < 200e3); // while the rate changes
        assert_true(time_world_run(20 * S) < 1000);
    }
    assert_int_equal(time_view.state.steps, 0);
    assert_false(log_recorder_has("warning"));
}

// While the rate has just changed it may change again: the bound grows by what a slew does.
static void a_slew_is_in_the_bound(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_world_run(5 * S);
    assert_true(time_view.state.growth_ppb < 200);
    time_sim.ppm = 500;
    time_world_run(150 * MS);
    assert_false(time_world_marked());
    assert_true(time_view.state.growth_ppb > 600000);
    assert_true(time_view.state.gates < TIME_FIT_FREE);
    time_world_run(5 * S);
    assert_true(time_view.state.growth_ppb < 200);
    assert_true(time_view.state.bound_ns < 100);
}

// F6, P7: a step is marked within 200 ms, and no reply is both unmarked and wrong by more than 1 ms
// after that; the mark goes once the line has been fitted anew.
static void steps_are_marked(void **state)
{
    (void)state;
    const int64_t steps_ns[] = {
        S / 2,
        -(int64_t)S / 2,
        1000 * (int64_t)S,
        -1000 * (int64_t)S,
        86400 * (int64_t)S,
        -86400 * (int64_t)S,
        -315360000 * (int64_t)S,
        2 * MS,
        -2 * MS,
    };
    time_world_until(false, 300 * MS);
    for (unsigned i = 0; i < sizeof steps_ns / sizeof *steps_ns; i++) {
        time_world_run(5 * S + i * 7 * MS);
        assert_false(time_world_marked());
        time_sim.utc_ns += steps_ns[i];
        uint64_t marked_after = time_world_until(true, 200 * MS);
        assert_int_equal(time_view.state.steps, i + 1);
        uint64_t good_after = time_world_until(false, 500 * MS);
        assert_true(fabs(time_world_error_ns()) < 1000);
        assert_true(time_world_run(3 * S) < 1000);
        print_message("# step %+.3f s: marked after %lu ms, good again after %lu ms\n",
                      (double)steps_ns[i] / 1e9, (unsigned long)(marked_after / MS),
                      (unsigned long)((marked_after + good_after) / MS));
    }
    assert_true(log_recorder_has("stepped by"));
}

// F6: steps in quick succession; as long as they go on nothing unmarked is wrong for over 200 ms.
static void restless_clock_stays_marked(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_world_run(2 * S);
    for (int i = 0; i < 50; i++) {
        time_sim.utc_ns += i % 2 == 0 ? (int64_t)S : -(int64_t)S;
        time_world_until(true, 200 * MS);
        assert_true(time_world_run(60 * MS) < 1000);
    }
    time_world_until(false, 500 * MS);
    assert_true(time_world_run(2 * S) < 1000);
}

// F29: an inserted second. Announced, then CLOCK_REALTIME goes back by one second; then over.
static void inserted_second_is_announced(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_sim.kernel = TIME_INS;
    time_sim.status |= STA_INS;
    time_world_run(100 * MS);
    assert_int_equal(time_view.state.leap, LEAP_INSERT);
    assert_true(time_world_run(5 * S) < 1000);

    time_sim.kernel = TIME_OOP;
    time_sim.utc_ns -= (int64_t)S;
    time_world_until(true, 200 * MS);
    time_world_until(false, 500 * MS);
    assert_true(time_world_run(S - 700 * MS) < 1000);
    time_sim.kernel = TIME_WAIT;
    time_world_run(100 * MS);
    assert_int_equal(time_view.state.leap, LEAP_NONE);
    assert_true(time_world_run(5 * S) < 1000);
}

static void deleted_second_is_announced(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_sim.kernel = TIME_DEL;
    time_world_run(100 * MS);
    assert_int_equal(time_view.state.leap, LEAP_DELETE);
}

// F29: the era ends on 2036-02-07 06:28:16 UTC, and nothing happens.
static void era_wraps(void **state)
{
    (void)state;
    time_source_close(time_subject);
    sim_clock_init(&time_sim, 2085978496 - 3);
    time_world_open();
    time_world_until(false, 300 * MS);
    assert_true(time_world_run(6 * S) < 1000);
    assert_true(time_view.state.line.utc_base >> 32 < 10);
    assert_int_equal(time_view.state.steps, 0);
    assert_int_equal(time_view.state.leap, LEAP_NONE);
}

// F28: the kernel's clock is not synchronised, by its error, by what adjtimex returns, or because
// it cannot be asked.
static void unsynchronised_is_marked(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    const int kernel[] = {TIME_ERROR, TIME_ERROR, -1}, status[] = {0, STA_UNSYNC, 0};
    const int64_t maxerror_us[] = {800, 16000000, 800};
    for (int i = 0; i < 3; i++) {
        log_recorder_clear();
        time_sim.kernel = kernel[i];
        time_sim.status = status[i];
        time_sim.maxerror_us = maxerror_us[i];
        time_world_until(true, 100 * MS);
        ntp_time before = time_view.state.reference_time;
        time_world_run(S);
        assert_true(time_world_marked());
        assert_int_equal(time_view.state.serving, 1); // answered all the same, as LI 3
        assert_true(fabs(time_world_error_ns()) < 1000);
        assert_true(time_view.state.reference_time == before);
        assert_true(log_recorder_has("not synchronised"));
        assert_int_equal(log_recorder_has("add rtcsync to chrony.conf"), i == 1);
        time_sim.kernel = TIME_OK;
        time_sim.status = STA_PLL;
        time_sim.maxerror_us = 800;
        time_world_until(false, 100 * MS);
        assert_true(log_recorder_has("info: the system clock is synchronised"));
    }
    assert_int_equal(time_view.state.steps, 0);
}

// A chronyd without `rtcsync`: the mark stays, and the error is small. Served, and said once how
// the mark goes away; leap seconds are in the status alone.
static void mark_without_error_is_served(void **state)
{
    (void)state;
    time_sim.kernel = TIME_ERROR;
    time_sim.status = STA_UNSYNC | STA_INS;
    time_sim.maxerror_us = 5000;
    time_world_until(false, 300 * MS);
    assert_int_equal(time_view.state.leap, LEAP_INSERT);
    assert_true(log_recorder_has("warning: the kernel marks its clock as not synchronised"));
    assert_true(log_recorder_has("add rtcsync to chrony.conf"));
    log_recorder_clear();
    time_sim.status = STA_UNSYNC | STA_DEL;
    time_world_run(S);
    assert_int_equal(time_view.state.leap, LEAP_DELETE);
    assert_false(log_recorder_has("rtcsync"));
    time_sim.status |= STA_CLOCKERR; // but a broken clock is none
    time_world_until(true, 100 * MS);
}

// F28: nobody tends the kernel's clock. Its error grows by 500 ppm, and beyond the limit the server
// says LI 3, with the mark and without.
static void lost_upstream_grows_the_dispersion(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        time_sim.kernel = i == 0 ? TIME_ERROR : TIME_OK;
        time_sim.status = i == 0 ? STA_UNSYNC : STA_PLL;
        time_sim.maxerror_us = 900000;
        time_sim.growth_us = 0;
        time_world_until(false, 300 * MS);
        time_sim.growth_us = 500;
        time_world_run(100 * MS);
        uint32_t before = time_view.state.root_dispersion;
        time_world_run(100 * S); // 15 ppm would be 98 units of 2^-16 s
        assert_true(time_view.state.root_dispersion - before >= 98);
        uint64_t took = time_world_until(true, 1250 * S);
        assert_true(took > 1000 * S);
        assert_true(time_view.state.root_dispersion >= 3 * 65536 / 2);
    }
    time_config.time.max_error_ms = 100;
    time_source_close(time_subject);
    time_world_open();
    time_sim.growth_us = 0;
    time_sim.maxerror_us = 20000;
    time_world_until(false, 300 * MS);
    time_sim.maxerror_us = 100000;
    time_world_until(true, 100 * MS);
}

// `fixed` serves whatever the kernel says, and says so at the start. A step is marked all the same.
static void fixed_is_always_synchronised(void **state)
{
    (void)state;
    time_source_close(time_subject);
    time_config.time.source = TIME_FIXED;
    time_config.time.stratum = 9;
    log_recorder_clear();
    time_world_open();
    assert_true(log_recorder_has("warning: time.source is `fixed`"));
    time_sim.kernel = TIME_ERROR;
    time_sim.status = STA_UNSYNC;
    time_sim.maxerror_us = 16000000;
    time_world_until(false, 300 * MS);
    assert_true(time_world_run(S) < 1000);
    assert_int_equal(time_view.state.leap, LEAP_NONE);
    assert_int_equal(time_view.state.stratum, 9);
    assert_true(time_view.state.root_dispersion < 10);
    time_sim.utc_ns += (int64_t)S;
    time_world_until(true, 200 * MS);
    time_world_until(false, 500 * MS);
}

// With role ke nobody is told the time, so the clock is never unhealthy. The keys of a fleet follow
// the calendar: they may not while the kernel's clock is not synchronised.
static void keys_of_a_fleet_need_the_clock(void **state)
{
    (void)state;
    static char document[] = "/fleet";
    struct time_report report;
    time_source_close(time_subject);
    time_config.role = SERVE_KE;
    time_config.time.source = TIME_FIXED;
    time_config.keys.fleet_file = document;
    time_world_open();
    time_world_until(false, 300 * MS);
    time_source_report(time_subject, &report);
    assert_true(report.trusted);
    time_sim.kernel = TIME_ERROR;
    time_sim.status |= STA_UNSYNC;
    time_sim.maxerror_us = 16000000;
    time_world_run(200 * MS);
    time_source_report(time_subject, &report);
    assert_false(report.trusted);
    assert_int_equal(report.health.reason, HEALTH_GOOD);
    assert_false(time_world_marked());
    assert_true(log_recorder_has("the keys of the fleet keep their period"));
    // Synchronised, though nobody takes the mark away.
    time_sim.maxerror_us = 900;
    time_world_run(200 * MS);
    time_source_report(time_subject, &report);
    assert_true(report.trusted);
    assert_true(log_recorder_has("the keys of the fleet follow it"));
    // Nobody keeps it: its error grows until nothing follows it any more.
    time_sim.maxerror_us = 1500000;
    time_world_run(200 * MS);
    time_source_report(time_subject, &report);
    assert_false(report.trusted);

    // With another role the source's health decides alone.
    time_source_close(time_subject);
    time_config.role = SERVE_BOTH;
    time_world_open();
    time_world_run(200 * MS);
    time_source_report(time_subject, &report);
    assert_true(report.trusted);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cold_start_is_quick, time_world_setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(drift_and_slewing_are_followed, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(a_slew_is_in_the_bound, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(steps_are_marked, time_world_setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(restless_clock_stays_marked, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(inserted_second_is_announced, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(deleted_second_is_announced, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(era_wraps, time_world_setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(unsynchronised_is_marked, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(mark_without_error_is_served, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(lost_upstream_grows_the_dispersion, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(keys_of_a_fleet_need_the_clock, time_world_setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(fixed_is_always_synchronised, time_world_setup,
                                        time_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
