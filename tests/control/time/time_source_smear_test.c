// F29: the time source over a leap second, as cores of a port that smears serve it: never
// announced, continuous over midnight, and never marked for it.
#include "control/time/time_source.h"

#include "dataplane/clock/clock.h"
#include "dataplane/clock/smeared.h"
#include "tests/control/log_recorder.h"
#include "tests/control/time/time_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MIDNIGHT 1483228800 // 2017-01-01
#define ERROR_NS 30e3       // of the line in the moment behind a jump

// The smeared time at the same moment, by the seconds that have really passed.
static double expected_ns(int by, bool jumped)
{
    const double gone_ns =
        (double)(time_sim.utc_ns - (MIDNIGHT - 43200) * (int64_t)S) + (jumped ? by * (double)S : 0);
    return gone_ns * 86400.0 / (86400 + by);
}

static double served_ns(const struct ntp_state *state)
{
    const ntp_time noon = ntp_time_from_unix(MIDNIGHT - 43200, 0);
    return (double)(int64_t)((clock_utc(&state->line, sim_clock_tsc(&time_sim)) - noon) >> 8) /
           4294967296.0 * 256 * NS_PER_S;
}

// Runs for so long, and looks each millisecond. Returns in how many replies were marked.
static unsigned run(uint64_t ns, int by, bool jumped)
{
    unsigned marked = 0;
    for (const uint64_t end = time_sim.ns + ns; time_sim.ns < end;) {
        time_world_tick();
        const struct ntp_state state = smeared(&time_view.state);
        if (!state.serving || clock_is_marked(&state, sim_clock_tsc(&time_sim))) {
            marked++;
            continue;
        }
        assert_int_equal(state.leap, LEAP_NONE);
        assert_int_equal(state.reference_id, SMEARED_REFERENCE);
        assert_true((int64_t)(state.reference_time - state.line.utc_base) <= 0);
        const double error_ns = served_ns(&state) - expected_ns(by, jumped);
        if (fabs(error_ns) > ERROR_NS)
            fail_msg("wrong by %.9f s, at %.3f s behind midnight", error_ns / 1e9,
                     (double)(time_sim.utc_ns - MIDNIGHT * (int64_t)S) / 1e9);
    }
    return marked;
}

static void begin(int by, int64_t unix_s)
{
    time_source_close(time_subject);
    time_leaps =
        (struct leap_list){.expires_s = MIDNIGHT + 100 * 86400, .n = 1, .leap = {{MIDNIGHT, by}}};
    sim_clock_init(&time_sim, unix_s);
    if (unix_s < MIDNIGHT) {
        time_sim.kernel = by > 0 ? TIME_INS : TIME_DEL;
        time_sim.status |= by > 0 ? STA_INS : STA_DEL;
    }
    time_world_open();
    time_world_until(false, 300 * MS);
}

// Until the jump, which is made; the kernel says so.
static void over_midnight(int by)
{
    begin(by, MIDNIGHT - 10);
    const int64_t left_ns = MIDNIGHT * (int64_t)S - (by < 0 ? (int64_t)S : 0) - time_sim.utc_ns;
    assert_int_equal(run((uint64_t)left_ns, by, false), 0);
    assert_int_equal(time_view.state.leap, by > 0 ? LEAP_INSERT : LEAP_DELETE); // on other ports
    time_sim.utc_ns -= by * (int64_t)S;
    time_sim.kernel = by > 0 ? TIME_OOP : TIME_WAIT;
    assert_int_equal(run(900 * MS, by, true), 0);
    time_sim.kernel = TIME_WAIT;
    time_sim.status &= ~(STA_INS | STA_DEL);
    assert_int_equal(run(20 * S, by, true), 0);
    assert_int_equal(time_view.state.steps, 0);
    assert_false(log_recorder_has("error"));
}

static void inserted(void **state)
{
    (void)state;
    over_midnight(1);
    assert_true(log_recorder_has("smear the leap second at the end of 2016-12-31"));
}

static void deleted(void **state)
{
    (void)state;
    over_midnight(-1);
}

// chronyd as the source, which has announced it, measures nothing new before its next update.
static void with_chronyd(void **state)
{
    (void)state;
    time_config.time.source = TIME_CHRONYD;
    time_chronyd.leap = 1;
    over_midnight(1);
}

// Both processes are started anew in the middle of it, before and behind the jump, with nothing but
// the list.
static void started_anew(void **state)
{
    (void)state;
    static const int64_t at_s[] = {-40000, -3600, -5, 5, 3600, 40000};
    for (size_t i = 0; i < sizeof at_s / sizeof at_s[0]; i++) {
        memset(&time_board, 0, sizeof time_board);
        memset(&time_view, 0, sizeof time_view);
        begin(1, MIDNIGHT + at_s[i]);
        assert_int_equal(run(2 * S, 1, at_s[i] > 0), 0);
    }
}

// Control alone is started anew while the clock jumps, so nobody knows on which side it is: marked,
// and a few seconds later right.
static void control_dies_at_midnight(void **state)
{
    (void)state;
    begin(1, MIDNIGHT - 10);
    time_source_close(time_subject);
    sim_clock_advance(&time_sim, 10 * S + S / 2);
    time_sim.utc_ns -= (int64_t)S;
    time_sim.kernel = TIME_OOP;
    time_world_open();
    run(S, 1, true);
    time_sim.kernel = TIME_WAIT;
    const unsigned marked = run(5 * S, 1, true);
    print_message("# marked for %u ms\n", marked);
    assert_true(marked < 3000);
    assert_int_equal(run(S, 1, true), 0);
    assert_true(log_recorder_has("nothing shows whether the clock has made the leap second"));
}

// The list decides. A source that takes its announcement back is told of in the log, and the smear
// goes on; when the clock then does not jump, the port says LI 3.
static void announcement_withdrawn(void **state)
{
    (void)state;
    begin(1, MIDNIGHT - 100);
    assert_int_equal(run(2 * S, 1, false), 0);
    time_sim.kernel = TIME_OK;
    time_sim.status &= ~STA_INS;
    assert_int_equal(run(2 * S, 1, false), 0);
    assert_true(log_recorder_has("the clock's source does not announce it"));
    assert_int_equal(run(97 * S, 1, false), 0); // one second behind it, perhaps late
    time_world_run(2 * S);
    assert_int_equal(run(S, 1, false), 1000);
    assert_int_equal(time_view.state.leap, LEAP_NONE); // other ports believe their source
}

// A leap second that is announced and not listed is served as on other ports.
static void not_listed(void **state)
{
    (void)state;
    begin(1, MIDNIGHT - 400 * 86400);
    assert_int_equal(time_view.state.smear_state, SMEAR_NONE);
    assert_int_equal(smeared(&time_view.state).leap, LEAP_INSERT);
    assert_int_equal(smeared(&time_view.state).reference_id, time_view.state.reference_id);
    assert_true(log_recorder_has("error: the clock's source announces a leap second that "
                                 "leap-seconds.list does not have"));
    // A list that cannot be read any more, or has expired, is told of.
    time_source_close(time_subject);
    time_leaps.expires_s = MIDNIGHT - 500 * 86400;
    time_world_open();
    time_world_run(S);
    assert_true(log_recorder_has("error: leap-seconds.list expired on 2015-08-20"));
    time_source_close(time_subject);
    time_leaps.fault = -2;
    time_world_open();
    time_world_run(S);
    assert_true(log_recorder_has("error: leap-seconds.list cannot be read: No such file"));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define CASE(name) cmocka_unit_test_setup_teardown(name, time_world_setup, time_world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(inserted),
        CASE(deleted),
        CASE(with_chronyd),
        CASE(started_anew),
        CASE(control_dies_at_midnight),
        CASE(announcement_withdrawn),
        CASE(not_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
