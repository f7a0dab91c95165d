// The time source over simulated clocks: what the board says at every millisecond, held against
// what the clock says.
#include "control/time_source.h"

#include "board/ntp_state.h"
#include "control/time_fit.h"
#include "dataplane/clock/clock.h"
#include "tests/control/log_recorder.h"
#include "tests/control/sim_clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MS = 1000000 };
#define S ((uint64_t)NS_PER_S)

static struct sim_clock sim;
static struct snapshot board;
static struct ntp_state_view view;
static struct config config;
static struct time_source *source;
static uint64_t due_ns;

static void open_source(void)
{
    struct time_clock clock = sim_clock_functions(&sim);
    assert_int_equal(time_source_open_with(&config, &clock, &board, &source), 0);
    due_ns = 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&board, 0, sizeof board);
    memset(&view, 0, sizeof view);
    memset(&config, 0, sizeof config);
    config.time.source = TIME_SYSTEM;
    config.time.stratum = 1;
    config.time.reference_id_word = 0x47505300;
    log_recorder_clear();
    sim_clock_init(&sim, 1767225600);
    open_source();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    time_source_close(source);
    time_source_close(NULL);
    return 0;
}

// How far the time that the cores would serve now is from the clock's.
static double error_ns(void)
{
    ntp_time served = clock_utc(&view.state.line, sim_clock_tsc(&sim));
    int64_t seconds = sim.utc_ns / NS_PER_S;
    ntp_time truth = ntp_time_from_unix(seconds, (uint32_t)(sim.utc_ns % NS_PER_S));
    return (double)(int64_t)(served - truth) / 4.294967296;
}

static bool marked(void)
{
    return !view.state.serving || view.state.leap == LEAP_UNKNOWN;
}

// Lets a millisecond pass, control's loop included.
static void tick(void)
{
    sim_clock_advance(&sim, MS);
    if (sim.ns >= due_ns)
        due_ns = time_source_turn(source, sim.ns);
    ntp_state_refresh(&board, &view);
}

// Runs for a while and returns the greatest error that was served unmarked, in ns.
static double run(uint64_t ns)
{
    double worst = 0;
    for (uint64_t end = sim.ns + ns; sim.ns < end;) {
        tick();
        if (!marked())
            worst = fmax(worst, fabs(error_ns()));
    }
    return worst;
}

// Runs until the state is marked, or no longer, and returns how long that took.
static uint64_t until(bool mark, uint64_t limit_ns)
{
    uint64_t start = sim.ns;
    while (marked() != mark) {
        assert_true(sim.ns - start <= limit_ns);
        tick();
    }
    return sim.ns - start;
}

static void cold_start_is_quick(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&board.sequence), 0);
    uint64_t took = until(false, 300 * MS);
    print_message("# first line after %lu ms\n", (unsigned long)(took / MS));
    assert_true(fabs(error_ns()) < 1000);
    assert_true(run(10 * S) < 1000);
    assert_int_equal(view.state.leap, LEAP_NONE);
    assert_int_equal(view.state.stratum, 1);
    assert_int_equal(view.state.reference_id, 0x47505300);
    assert_true(llabs((long long)view.state.tsc_hz - (long long)sim.hz) < 3000);
    assert_true(view.state.precision <= -23 && view.state.precision >= -25);
    assert_int_equal(view.state.steps, 0);
    assert_true(view.state.error_ns < 1000);
    // 800 us as the kernel says, in units of 2^-16 s, rounded up.
    assert_true(view.state.root_dispersion == 53 || view.state.root_dispersion == 54);
    // The line is never old, and the clock was good when it was last looked at.
    assert_true(sim_clock_tsc(&sim) - view.state.written_tsc < sim.hz / 10);
    assert_true(view.state.reference_time == view.state.line.utc_base);
}

static void drift_and_slewing_are_followed(void **state)
{
    (void)state;
    until(false, 300 * MS);
    const double ppm[] = {100, -100, 0.5, -500, 500, 0};
    for (unsigned i = 0; i < sizeof ppm / sizeof *ppm; i++) {
        sim.ppm = ppm[i];
        assert_true(run(2 * S) < 200e3); // while the rate changes
        assert_true(run(20 * S) < 1000);
    }
    assert_int_equal(view.state.steps, 0);
    assert_false(log_recorder_has("warning"));
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
    until(false, 300 * MS);
    for (unsigned i = 0; i < sizeof steps_ns / sizeof *steps_ns; i++) {
        run(5 * S + i * 7 * MS);
        assert_false(marked());
        sim.utc_ns += steps_ns[i];
        uint64_t marked_after = until(true, 200 * MS);
        assert_int_equal(view.state.steps, i + 1);
        uint64_t good_after = until(false, 500 * MS);
        assert_true(fabs(error_ns()) < 1000);
        assert_true(run(3 * S) < 1000);
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
    until(false, 300 * MS);
    run(2 * S);
    for (int i = 0; i < 50; i++) {
        sim.utc_ns += i % 2 == 0 ? (int64_t)S : -(int64_t)S;
        until(true, 200 * MS);
        assert_true(run(60 * MS) < 1000);
    }
    until(false, 500 * MS);
    assert_true(run(2 * S) < 1000);
}

// F29: an inserted second. Announced, then CLOCK_REALTIME goes back by one second; then over.
static void inserted_second_is_announced(void **state)
{
    (void)state;
    until(false, 300 * MS);
    sim.kernel = TIME_INS;
    sim.status |= STA_INS;
    run(100 * MS);
    assert_int_equal(view.state.leap, LEAP_INSERT);
    assert_true(run(5 * S) < 1000);

    sim.kernel = TIME_OOP;
    sim.utc_ns -= (int64_t)S;
    until(true, 200 * MS);
    until(false, 500 * MS);
    assert_true(run(S - 700 * MS) < 1000);
    sim.kernel = TIME_WAIT;
    run(100 * MS);
    assert_int_equal(view.state.leap, LEAP_NONE);
    assert_true(run(5 * S) < 1000);
}

static void deleted_second_is_announced(void **state)
{
    (void)state;
    until(false, 300 * MS);
    sim.kernel = TIME_DEL;
    run(100 * MS);
    assert_int_equal(view.state.leap, LEAP_DELETE);
}

// F29: the era ends on 2036-02-07 06:28:16 UTC, and nothing happens.
static void era_wraps(void **state)
{
    (void)state;
    time_source_close(source);
    sim_clock_init(&sim, 2085978496 - 3);
    open_source();
    until(false, 300 * MS);
    assert_true(run(6 * S) < 1000);
    assert_true(view.state.line.utc_base >> 32 < 10);
    assert_int_equal(view.state.steps, 0);
    assert_int_equal(view.state.leap, LEAP_NONE);
}

// F28: the kernel's clock is not synchronised, by its status, by what adjtimex returns, or because
// it cannot be asked.
static void unsynchronised_is_marked(void **state)
{
    (void)state;
    until(false, 300 * MS);
    const int kernel[] = {TIME_ERROR, TIME_OK, -1}, status[] = {0, STA_UNSYNC, 0};
    for (int i = 0; i < 3; i++) {
        log_recorder_clear();
        sim.kernel = kernel[i];
        sim.status = status[i];
        until(true, 100 * MS);
        ntp_time before = view.state.reference_time;
        run(S);
        assert_true(marked());
        assert_int_equal(view.state.serving, 1); // answered all the same, as LI 3
        assert_true(fabs(error_ns()) < 1000);
        assert_true(view.state.reference_time == before);
        assert_true(log_recorder_has("not synchronised"));
        sim.kernel = TIME_OK;
        sim.status = STA_PLL;
        until(false, 100 * MS);
        assert_true(log_recorder_has("info: the system clock is synchronised"));
    }
    assert_int_equal(view.state.steps, 0);
}

// F28: nobody tends the kernel's clock. Its error grows by 500 ppm, we pass that on, and beyond the
// limit the server says LI 3.
static void lost_upstream_grows_the_dispersion(void **state)
{
    (void)state;
    until(false, 300 * MS);
    uint32_t before = view.state.root_dispersion;
    for (int second = 0; second < 100; second++) {
        sim.maxerror_us += 500;
        run(100 * MS);
    }
    // 50 ms more, in units of 2^-16 s; 15 ppm would be 98.
    assert_true(view.state.root_dispersion - before >= 3276);
    assert_false(marked());
    sim.maxerror_us = 1499000;
    run(100 * MS);
    assert_false(marked());
    sim.maxerror_us = 1500000;
    run(100 * MS);
    assert_true(marked());
    sim.maxerror_us = INT32_MAX;
    run(100 * MS);
    assert_int_equal(view.state.root_dispersion, 16 * 65536);
}

// `fixed` serves whatever the kernel says, and says so at the start. A step is marked all the same.
static void fixed_is_always_synchronised(void **state)
{
    (void)state;
    time_source_close(source);
    config.time.source = TIME_FIXED;
    config.time.stratum = 9;
    log_recorder_clear();
    open_source();
    assert_true(log_recorder_has("warning: time.source is `fixed`"));
    sim.kernel = TIME_ERROR;
    sim.status = STA_UNSYNC;
    sim.maxerror_us = 16000000;
    until(false, 300 * MS);
    assert_true(run(S) < 1000);
    assert_int_equal(view.state.leap, LEAP_NONE);
    assert_int_equal(view.state.stratum, 9);
    assert_true(view.state.root_dispersion < 10);
    sim.utc_ns += (int64_t)S;
    until(true, 200 * MS);
    until(false, 500 * MS);
}

// F1: a restarted control leaves its predecessor's line in place until it has its own.
static void restart_takes_over_without_a_gap(void **state)
{
    (void)state;
    until(false, 300 * MS);
    run(5 * S);
    time_source_close(source);
    for (int i = 0; i < 2000; i++)
        sim_clock_advance(&sim, MS);
    open_source();
    uint64_t published = atomic_load(&board.sequence);
    uint64_t start = sim.ns;
    while (atomic_load(&board.sequence) == published) {
        assert_true(sim.ns - start < 300 * MS);
        tick();
        assert_false(marked());
        assert_true(fabs(error_ns()) < 1000);
    }
    assert_true(run(2 * S) < 1000);
    assert_int_equal(view.state.steps, 0);
}

// F1 and F6: the clock was stepped while no control was there to see it. The first look marks it.
static void restart_sees_a_step_behind_its_back(void **state)
{
    (void)state;
    const int64_t steps_ns[] = {5 * MS, -(int64_t)S, -315360000 * (int64_t)S};
    for (int i = 0; i < 3; i++) {
        until(false, 500 * MS);
        run(5 * S);
        time_source_close(source);
        sim_clock_advance(&sim, 2 * S);
        sim.utc_ns += steps_ns[i];
        open_source();
        tick();
        assert_true(marked());
        assert_true(fabs(error_ns()) < 1e6);
        assert_int_equal(view.state.steps, 1);
    }
    until(false, 500 * MS);
    assert_true(run(2 * S) < 1000);
}

// F30: looks that were interrupted for milliseconds are neither steps nor an excuse for a wrong
// line.
static void interruptions_are_no_steps(void **state)
{
    (void)state;
    until(false, 300 * MS);
    run(2 * S);
    double worst = 0;
    for (int i = 0; i < 200; i++) {
        sim.stall_ns = i % 3 == 0 ? 7 * MS : 0;
        worst = fmax(worst, run(50 * MS));
    }
    sim.stall_ns = 0;
    assert_true(worst < 20000);
    assert_int_equal(view.state.steps, 0);
    assert_true(run(2 * S) < 20000);
}

// Control's loop was held up for seconds: the line is taken up again without a mark.
static void late_turns_are_no_steps(void **state)
{
    (void)state;
    until(false, 300 * MS);
    sim.ppm = 40;
    run(5 * S);
    for (int i = 0; i < 5; i++) {
        sim_clock_advance(&sim, 20 * S);
        run(S);
    }
    assert_int_equal(view.state.steps, 0);
    assert_true(run(S) < 1000);
}

// The real clocks of this machine, for once.
static void real_clocks_give_a_line(void **state)
{
    (void)state;
    time_source_close(source);
    source = NULL;
    config.time.source = TIME_FIXED;
    assert_int_equal(time_source_open(&config, &board, &source), 0);
    for (int i = 0; i < 200 && marked(); i++) {
        time_source_turn(source, 0);
        ntp_state_refresh(&board, &view);
        nanosleep(&(struct timespec){.tv_nsec = 5 * MS}, NULL);
    }
    assert_false(marked());
    assert_true(view.state.tsc_hz > 100000000);
    print_message("# %lu Hz, precision %d, line within %u ns\n", (unsigned long)view.state.tsc_hz,
                  view.state.precision, view.state.error_ns);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cold_start_is_quick, setup, teardown),
        cmocka_unit_test_setup_teardown(drift_and_slewing_are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_are_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(restless_clock_stays_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(inserted_second_is_announced, setup, teardown),
        cmocka_unit_test_setup_teardown(deleted_second_is_announced, setup, teardown),
        cmocka_unit_test_setup_teardown(era_wraps, setup, teardown),
        cmocka_unit_test_setup_teardown(unsynchronised_is_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_upstream_grows_the_dispersion, setup, teardown),
        cmocka_unit_test_setup_teardown(fixed_is_always_synchronised, setup, teardown),
        cmocka_unit_test_setup_teardown(restart_takes_over_without_a_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(restart_sees_a_step_behind_its_back, setup, teardown),
        cmocka_unit_test_setup_teardown(interruptions_are_no_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(late_turns_are_no_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(real_clocks_give_a_line, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
