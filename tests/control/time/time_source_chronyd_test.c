// Source chronyd: what it says is served as it says it, and what speaks against the clock is marked
// in time (F6, F28).
#include "control/time/time_source.h"

#include "tests/control/log_recorder.h"
#include "tests/control/time/time_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { MARKED_MS = 200 };

static int setup(void **state)
{
    int result = time_world_setup(state);
    time_source_close(time_subject);
    time_config.time.source = TIME_CHRONYD;
    time_config.time.stratum = 0; // as without a key
    time_config.time.reference_id_word = 0;
    // The kernel says nothing that counts.
    time_sim.kernel = TIME_ERROR;
    time_sim.status = STA_UNSYNC;
    time_sim.maxerror_us = 16000000;
    time_world_open();
    return result;
}

static enum health_reason reason(void)
{
    struct time_report report;
    time_source_report(time_subject, &report);
    return report.health.reason;
}

static double seconds_of(uint32_t short_format)
{
    return short_format / 65536.0;
}

static void chronyd_is_followed(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    assert_int_equal(time_view.state.stratum, 2);
    assert_int_equal(time_view.state.reference_id, 0xc0000201);
    assert_int_equal(time_view.state.leap, LEAP_NONE);
    assert_true(time_view.state.reference_time == ntp_time_from_unix(1767225590, 0));
    assert_true(fabs(seconds_of(time_view.state.root_delay) - 4e-3) < 20e-6);
    assert_true(fabs(seconds_of(time_view.state.root_dispersion) - 1.02e-3) < 40e-6);
    assert_true(time_world_run(20 * S) < 1000);
    assert_true(time_chronyd.asked >= 18 && time_chronyd.asked <= 24);

    time_chronyd.stratum = 5;
    time_chronyd.reference_id = 0x7f7f0101;
    time_chronyd.leap = 2;
    time_chronyd.root_delay_s = 0.2;
    time_chronyd.root_dispersion_s = 0.3;
    time_chronyd.correction_s = 0.1;
    time_world_run(1200 * MS);
    assert_int_equal(time_view.state.stratum, 5);
    assert_int_equal(time_view.state.reference_id, 0x7f7f0101);
    assert_int_equal(time_view.state.leap, LEAP_DELETE);
    assert_true(fabs(seconds_of(time_view.state.root_delay) - 0.2) < 40e-6);
    assert_true(fabs(seconds_of(time_view.state.root_dispersion) - 0.4) < 60e-6);
    assert_false(time_world_marked());
    assert_false(log_recorder_has("warning"));
}

static void chronyd_without_an_answer_is_stale(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_world_run(5 * S);
    time_chronyd.silent = true;
    time_world_run(9 * S - 100 * MS);
    assert_false(time_world_marked());
    time_world_until(true, (1100 + MARKED_MS) * MS);
    assert_int_equal(reason(), HEALTH_STALE);
    assert_true(log_recorder_has("warning: chronyd has not answered at 127.0.0.1:323 for 10 s"));
    assert_true(log_recorder_has("replies say so (LI 3, stratum 0)"));
    time_world_run(100 * S);
    assert_true(time_world_marked());
    time_chronyd.silent = false;
    time_world_until(false, 500 * MS);
    assert_true(log_recorder_has("info: the system clock is synchronised now"));
    assert_true(time_world_run(S) < 1000);
}

static void no_chronyd_at_all(void **state)
{
    (void)state;
    time_chronyd.silent = true;
    time_config.time.on_unhealthy = UNHEALTHY_SILENT;
    time_world_run(5 * S);
    assert_int_equal(time_view.state.serving, 1);
    assert_int_equal(time_view.state.leap, LEAP_UNKNOWN);
    assert_int_equal(reason(), HEALTH_STALE);
    assert_true(log_recorder_has("chronyd does not answer at 127.0.0.1:323 (time.chronyd)"));
    assert_true(log_recorder_has("requests are not answered"));
    assert_int_equal(time_view.refused, 0); // the state on the board is sound
    time_chronyd.silent = false;
    time_world_until(false, 400 * MS);
}

static void chronyd_says_that_it_is_not_synchronised(void **state)
{
    (void)state;
    const uint16_t leap[] = {3, 0, 0}, stratum[] = {0, 16, 0};
    time_world_until(false, 300 * MS);
    for (int i = 0; i < 3; i++) {
        time_chronyd.leap = leap[i];
        time_chronyd.stratum = stratum[i];
        time_world_until(true, (1050 + MARKED_MS) * MS);
        assert_int_equal(reason(), HEALTH_UNSYNCHRONISED);
        assert_int_equal(time_view.refused, 0);
        time_chronyd.leap = 0;
        time_chronyd.stratum = 3;
        time_world_until(false, (1050 + MARKED_MS) * MS);
    }
}

// Its own estimate of the system clock's error, and the whole distance to the reference.
static void errors_beyond_the_limit(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_chronyd.correction_s = -1.6;
    time_world_until(true, (1050 + MARKED_MS) * MS);
    assert_int_equal(reason(), HEALTH_CONTRADICTED);
    assert_true(log_recorder_has("chronyd finds the system clock wrong by -1.600000 s"));
    time_chronyd.correction_s = 1.4;
    time_world_until(false, (1050 + MARKED_MS) * MS);
    time_chronyd.root_delay_s = 0.21; // half of it counts
    time_world_until(true, (1050 + MARKED_MS) * MS);
    assert_int_equal(reason(), HEALTH_ERROR);
    time_chronyd.root_delay_s = 0.19;
    time_world_until(false, (1050 + MARKED_MS) * MS);
}

// F6: somebody sets the clock. chronyd knows of it once it has measured again; until then its words
// are about another clock. That may take as long as its poll interval.
static void a_foreign_step_waits_for_chronyd(void **state)
{
    (void)state;
    const int64_t steps_ns[] = {S / 2, -1000 * (int64_t)S, 86400 * (int64_t)S,
                                -315360000 * (int64_t)S};
    time_world_until(false, 300 * MS);
    for (int i = 0; i < 4; i++) {
        time_world_run(5 * S + i * 77 * MS);
        time_sim.utc_ns += steps_ns[i];
        time_world_until(true, MARKED_MS * MS);
        time_world_run(64 * S);
        assert_true(time_world_marked());
        assert_int_equal(reason(), HEALTH_STEPPED);
        assert_true(log_recorder_has("its source has not measured it since"));
        time_chronyd.updated_ns += 64 * (int64_t)S;
        time_chronyd.correction_s = -0.001;
        time_world_until(false, 1100 * MS);
        assert_true(time_world_run(2 * S) < 1000);
    }
}

// chronyd steps the clock itself when it measures: there is nothing to wait for but its next word.
// (Once in thousands the step comes between a question and its answer; then one more measurement is
// waited for.)
static void chronyds_own_step_is_confirmed_at_once(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    for (int i = 0; i < 40; i++) {
        time_world_run(3 * S);
        for (unsigned asked = time_chronyd.asked; asked == time_chronyd.asked;)
            time_world_tick();
        time_world_run((1 + i * 23) * MS); // it has answered, and the next question comes later
        time_sim.utc_ns += (int64_t)S;
        time_chronyd.updated_ns += 3 * (int64_t)S;
        time_world_until(true, MARKED_MS * MS);
        time_world_until(false, 600 * MS);
        assert_true(time_world_run(S) < 1000);
    }
}

// Slewing moves chronyd's reference time a little: no measurement.
static void a_slew_confirms_nothing(void **state)
{
    (void)state;
    time_world_until(false, 300 * MS);
    time_sim.utc_ns += (int64_t)S;
    time_world_until(true, MARKED_MS * MS);
    for (int i = 0; i < 20; i++) {
        time_chronyd.updated_ns += 20000;
        time_world_run(S);
        assert_true(time_world_marked());
    }
}

static void useless_answers(void **state)
{
    (void)state;
    time_chronyd.status = 2;
    time_world_run(3 * S);
    assert_true(time_world_marked());
    assert_true(log_recorder_has("warning: chronyd refuses to tell of its clock; `cmdallow`"));
    time_chronyd.status = 0;
    time_world_until(false, 600 * MS);
    // An answer to an older question is none, nor is a second one.
    time_chronyd.silent = true;
    time_world_run(S);
    uint8_t forged[104] = {6, 2, 0, 0, 0, 33, 0, 5};
    forged[55] = 3;
    for (int i = 0; i < 40; i++)
        assert_int_equal(write(time_chronyd.own, forged, sizeof forged), sizeof forged);
    time_world_run(2 * S);
    assert_false(time_world_marked());
}

// What the hook is to be told.
static void news(void **state)
{
    (void)state;
    char text[TIME_SOURCE_NEWS_MAX] = "";
    assert_false(time_source_has_news(time_subject, time_sim.ns + 10 * S, text));
    time_world_until(false, 300 * MS);
    assert_false(time_source_has_news(time_subject, time_sim.ns, text));
    time_world_run(3 * S);
    assert_true(time_source_has_news(time_subject, time_sim.ns, text));
    assert_string_equal(text, "healthy");
    time_source_told(time_subject);
    assert_false(time_source_has_news(time_subject, time_sim.ns + 10 * S, text));
    time_chronyd.leap = 3;
    time_world_until(true, (1050 + MARKED_MS) * MS);
    assert_true(time_source_has_news(time_subject, time_sim.ns, text));
    assert_string_equal(text, "unhealthy unsynchronised");
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(chronyd_is_followed, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(chronyd_without_an_answer_is_stale, setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(no_chronyd_at_all, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(chronyd_says_that_it_is_not_synchronised, setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(errors_beyond_the_limit, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(a_foreign_step_waits_for_chronyd, setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(chronyds_own_step_is_confirmed_at_once, setup,
                                        time_world_teardown),
        cmocka_unit_test_setup_teardown(a_slew_confirms_nothing, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(useless_answers, setup, time_world_teardown),
        cmocka_unit_test_setup_teardown(news, setup, time_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
