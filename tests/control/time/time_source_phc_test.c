// Source phc: the hardware clock says how wrong CLOCK_REALTIME is, and each of the two may be the
// wrong one: marked within 200 ms (F6, F7 for a clock of the kernel).
#include "control/time/time_source.h"

#include "tests/control/log_recorder.h"
#include "tests/control/time/time_world.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MARKED_MS = 200, TAI_S = 37 };

// The system's clock at the world's begin is true time to the nanosecond: what it is off counts.
static int setup(void **state)
{
    int result = time_world_setup(state);
    time_source_close(time_subject);
    time_config.time.source = TIME_PHC;
    time_sim.kernel = TIME_ERROR; // the kernel's word of its error does not count
    time_sim.status = STA_UNSYNC;
    time_sim.maxerror_us = 16000000;
    time_sim.tai_s = TAI_S;
    time_phc.off_ns = time_sim.utc_ns - (1767225600 * INT64_C(1000000000) + (int64_t)time_sim.ns) +
                      TAI_S * INT64_C(1000000000);
    time_world_open();
    return result;
}

static enum health_reason reason(void)
{
    struct time_report report;
    time_source_report(time_subject, &report);
    return report.health.reason;
}

static double offset_s(void)
{
    struct time_report report;
    time_source_report(time_subject, &report);
    return report.view.offset_s;
}

static void both_agree(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    assert_true(time_world_run(10 * S) < 1000);
    assert_int_equal(time_view.state.stratum, 1);
    assert_int_equal(time_view.state.reference_id, 0x47505300);
    assert_true(fabs(offset_s()) < 1e-6);
    assert_true(time_view.state.root_dispersion >= 1 && time_view.state.root_dispersion <= 2);
    assert_true(time_phc.rounds > 90 && time_phc.rounds < 520);
    assert_true(time_view.state.reference_time == time_view.state.line.utc_base);
    assert_false(log_recorder_has("warning"));
    // Dispersion contains the accuracy of the hardware clock and its distance from the system
    // clock.
    time_phc.off_ns += 400000;
    time_config.time.phc_accuracy_ns = 300000;
    time_world_run(300 * MS);
    assert_true(fabs(time_view.state.root_dispersion / 65536.0 - 0.7e-3) < 40e-6);
    assert_false(time_world_marked());
}

// Between two readings either clock may drift. That must not hide how exact the hardware clock is.
static void the_bound_stays_below_a_microsecond(void **state)
{
    (void)state;
    struct time_report report;
    double most_s = 0;

    time_config.time.phc_accuracy_ns = 100;
    time_world_until(false, 300 * MS);
    time_world_run(2 * S);
    for (unsigned i = 0; i < 1000; i++) {
        time_world_tick();
        time_source_report(time_subject, &report);
        most_s = fmax(most_s, report.view.error_s);
    }
    assert_true(most_s > 100e-9 && most_s < 1e-6);
}

static void utc_and_tai(void **state)
{
    (void)state;
    time_config.time.phc_timescale = TIMESCALE_UTC;
    time_phc.off_ns -= TAI_S * INT64_C(1000000000);
    time_world_until(false, 300 * MS);
    time_phc.off_ns += TAI_S * INT64_C(1000000000);
    time_world_until(true, MARKED_MS * MS);
    assert_int_equal(reason(), HEALTH_CONTRADICTED);
    assert_true(log_recorder_has("if it keeps TAI, set time.phc_timescale: tai"));
    time_config.time.phc_timescale = TIMESCALE_TAI;
    time_world_until(false, MARKED_MS * MS);
    log_recorder_clear();
    time_sim.tai_s = 0; // nobody has told the kernel
    time_world_until(true, MARKED_MS * MS);
    assert_true(log_recorder_has("the kernel must know TAI - UTC"));
}

// F7: jumps, a freeze, a wrong rate.
static void the_hardware_clock_goes_wrong(void **state)
{
    (void)state;
    const int64_t jumps_ns[] = {1010000, -1010000, (int64_t)S, -3600 * (int64_t)S};
    time_world_until(false, 300 * MS);
    for (int i = 0; i < 4; i++) {
        time_world_run(S + i * 17 * MS);
        time_phc.off_ns += jumps_ns[i];
        time_world_until(true, MARKED_MS * MS);
        assert_int_equal(reason(), HEALTH_CONTRADICTED);
        time_world_run(S);
        assert_true(time_world_marked());
        time_phc.off_ns -= jumps_ns[i];
        time_world_until(false, MARKED_MS * MS);
    }
    assert_true(log_recorder_has("/dev/ptp0 and the system clock differ by"));
    time_world_run(S);
    time_phc.frozen_ns = sim_phc_ns(&time_phc);
    time_phc.frozen = true;
    time_world_until(true, MARKED_MS * MS);
    assert_int_equal(reason(), HEALTH_CONTRADICTED);
    time_phc.frozen = false;
    time_world_until(false, MARKED_MS * MS);
    time_phc.since_ns = time_sim.ns;
    time_phc.ppm = 100; // 1 ms after 10 s
    time_world_run(9500 * (uint64_t)MS);
    assert_false(time_world_marked());
    assert_true(time_view.state.root_dispersion / 65536.0 > 0.9e-3); // told all the while
    time_world_until(true, 800 * MS);
    assert_int_equal(reason(), HEALTH_CONTRADICTED);
}

// F6: the system's clock is stepped. It comes back only when it agrees with the hardware clock.
static void the_system_clock_is_stepped(void **state)
{
    (void)state;
    const int64_t steps_ns[] = {S / 2, -1000 * (int64_t)S, -315360000 * (int64_t)S};
    time_world_until(false, 300 * MS);
    for (int i = 0; i < 3; i++) {
        time_world_run(S + i * 31 * MS);
        time_sim.utc_ns += steps_ns[i];
        time_world_until(true, MARKED_MS * MS);
        time_world_run(5 * S);
        assert_true(time_world_marked());
        assert_int_equal(reason(), HEALTH_CONTRADICTED);
        time_sim.utc_ns -= steps_ns[i]; // phc2sys
        time_world_run(60 * MS);
        time_world_until(false, 500 * MS);
        assert_true(time_world_run(S) < 1000);
    }
    // A step below the limit, into the line's slack: what was read before it counts no more.
    time_world_run(S);
    time_phc.hangs = true;
    time_sim.utc_ns += 700000;
    time_world_until(true, MARKED_MS * MS);
    time_world_run(2 * S);
    assert_true(time_world_marked());
    assert_int_equal(reason(), HEALTH_STEPPED);
    time_phc.hangs = false;
    time_world_until(false, MARKED_MS * MS);
    assert_true(offset_s() < -0.69e-3 && offset_s() > -0.71e-3);
}

static void readings_that_fail(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    for (int i = 0; i < 2; i++) {
        time_world_run(S);
        time_phc.hangs = i == 0; // in its driver, or with an error
        time_phc.fault = i == 0 ? 0 : -EIO;
        time_world_run(9800 * (uint64_t)MS);
        assert_false(time_world_marked());
        time_world_until(true, (250 + MARKED_MS) * MS);
        assert_int_equal(reason(), HEALTH_STALE);
        assert_true(log_recorder_has("/dev/ptp0 could not be read for 10 s"));
        time_phc.hangs = false;
        time_phc.fault = 0;
        time_world_until(false, MARKED_MS * MS);
        assert_false(time_source_is_lost(time_subject, time_sim.ns));
    }
    // Its device was taken out: after a while another descriptor is needed.
    time_phc.fault = -ENODEV;
    time_world_run(29 * S);
    assert_false(time_source_is_lost(time_subject, time_sim.ns));
    time_world_run(2 * S);
    assert_true(time_source_is_lost(time_subject, time_sim.ns));
}

// None at this start, nor an answer: nothing is served, and after a while another start is wanted.
static void nothing_to_read(void **state)
{
    (void)state;
    time_phc.fault = -ENOTTY;
    time_world_run(S);
    assert_true(time_world_marked());
    assert_int_equal(reason(), HEALTH_STALE);
    assert_int_equal(time_view.refused, 0);
    assert_false(time_source_is_lost(time_subject, time_sim.ns));
    time_world_run(31 * S);
    assert_true(time_source_is_lost(time_subject, time_sim.ns));
}

// A slow bus: each reading takes longer than the limit, and proves nothing.
static void wide_readings_prove_nothing(void **state)
{
    (void)state;
    time_phc.read_ns = 3 * MS;
    time_phc.off_ns += 2 * MS;
    time_world_until(false, 300 * MS);
    time_world_run(2 * S);
    assert_false(time_world_marked());
    assert_true(time_view.state.root_dispersion / 65536.0 > 3e-3); // but it is told
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_agree, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(the_bound_stays_below_a_microsecond, setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(utc_and_tai, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(the_hardware_clock_goes_wrong, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(the_system_clock_is_stepped, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(readings_that_fail, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(nothing_to_read, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(wide_readings_prove_nothing, setup, time_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
