// The world of the time source's tests.
#include "tests/control/time/time_world.h"

#include "dataplane/clock/clock.h"
#include "tests/control/log_recorder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct sim_clock time_sim;
struct snapshot time_board;
struct ntp_state_view time_view;
struct config time_config;
struct sim_chronyd time_chronyd;
struct time_source *time_subject;
struct leap_list time_leaps;
static bool has_taken_leaps;
static uint64_t time_due_ns; // when the source wants its next turn

static bool take_leaps(void *self, struct leap_list *list)
{
    (void)self;
    if (has_taken_leaps)
        return false;
    *list = time_leaps;
    return has_taken_leaps = true;
}

void time_world_open(void)
{
    struct time_clock clock = sim_clock_functions(&time_sim);
    has_taken_leaps = false;
    if (time_leaps.expires_s != 0)
        clock.leaps = take_leaps;
    assert_int_equal(
        time_source_open_with(&time_config, &clock, time_chronyd.fd, &time_board, &time_subject),
        0);
    time_due_ns = 0;
}

int time_world_setup(void **state)
{
    (void)state;
    memset(&time_board, 0, sizeof time_board);
    memset(&time_view, 0, sizeof time_view);
    memset(&time_config, 0, sizeof time_config);
    memset(&time_leaps, 0, sizeof time_leaps);
    time_config.time.leap_list = (char *)"leap-seconds.list";
    time_config.time.source = TIME_SYSTEM;
    time_config.time.stratum = 1;
    time_config.time.max_error_ms = 1500;
    time_config.time.reference_id_word = 0x47505300;
    time_config.time.stale_after_ms = 10000;
    time_config.time.phc_limit_ns = MS;
    time_config.time.phc_accuracy_ns = 1000;
    strcpy(time_config.time.phc, "/dev/ptp0");
    time_config.time.chronyd.text = (char *)"127.0.0.1:323";
    log_recorder_clear();
    sim_chronyd_open(&time_chronyd);
    time_phc = (struct sim_phc){.clock = &time_sim, .read_ns = 1500};
    sim_clock_init(&time_sim, 1767225600);
    time_world_open();
    return 0;
}

int time_world_teardown(void **state)
{
    (void)state;
    time_source_close(time_subject);
    time_source_close(NULL);
    sim_chronyd_close(&time_chronyd);
    return 0;
}

double time_world_error_ns(void)
{
    ntp_time served = clock_utc(&time_view.state.line, sim_clock_tsc(&time_sim));
    int64_t seconds = time_sim.utc_ns / NS_PER_S;
    ntp_time truth = ntp_time_from_unix(seconds, (uint32_t)(time_sim.utc_ns % NS_PER_S));
    return (double)(int64_t)(served - truth) / 4.294967296;
}

bool time_world_marked(void)
{
    return !time_view.state.serving || time_view.state.leap == LEAP_UNKNOWN;
}

void time_world_tick(void)
{
    sim_clock_advance(&time_sim, MS);
    sim_chronyd_answer(&time_chronyd);
    if (time_sim.ns >= time_due_ns)
        time_due_ns = time_source_turn(time_subject, time_sim.ns);
    ntp_state_refresh(&time_board, &time_view);
}

double time_world_run(uint64_t ns)
{
    double worst = 0;
    for (uint64_t end = time_sim.ns + ns; time_sim.ns < end;) {
        time_world_tick();
        if (!time_world_marked())
            worst = fmax(worst, fabs(time_world_error_ns()));
    }
    return worst;
}

uint64_t time_world_until(bool mark, uint64_t limit_ns)
{
    uint64_t start = time_sim.ns;
    while (time_world_marked() != mark) {
        assert_true(time_sim.ns - start <= limit_ns);
        time_world_tick();
    }
    return time_sim.ns - start;
}
