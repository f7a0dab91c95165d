// Heartbeats that stop are noticed in under a second (F3), and those that go on never are.
#include "supervisor/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct board_dataplane board;
static struct board_control control;
static struct watch watch;

static int fresh(void **state)
{
    (void)state;
    atomic_store(&board.n_cores, 3);
    watch_dataplane_started(&watch);
    watch_control_started(&watch);
    return 0;
}

static void beat(uint32_t but)
{
    for (uint32_t i = 0; i < 3; i++)
        if (i != but)
            counter_add(&board.core[i].heartbeat, 1);
}

static void a_still_core_is_found_within_a_second(void **state)
{
    (void)state;
    int core = 99, looks = 0;
    for (int i = 0; i < 1000; i++) {
        beat(99);
        counter_add(&board.heartbeat, 1);
        assert_true(watch_dataplane(&watch, &board, &core));
    }
    do { // all of the process stands still but for two cores: housekeeping cannot judge
        beat(1);
        looks++;
    } while (watch_dataplane(&watch, &board, &core));
    assert_int_equal(core, 1);
    assert_true(looks * WATCH_INTERVAL_MS <= 1000);
    assert_true(looks > 2);
}

// A core may only be kept off its CPU: housekeeping can tell, so the supervisor leaves it alone.
static void a_still_core_is_housekeepings_while_that_beats(void **state)
{
    (void)state;
    int core = 99;
    for (int i = 0; i < 100; i++) {
        beat(1);
        counter_add(&board.heartbeat, 1);
        assert_true(watch_dataplane(&watch, &board, &core));
    }
}

static void still_housekeeping_is_found(void **state)
{
    (void)state;
    int core = 99, looks = 0;
    do {
        beat(99);
        looks++;
    } while (watch_dataplane(&watch, &board, &core) && looks < 1000);
    assert_int_equal(core, -1);
    assert_int_equal(looks, WATCH_HOUSEKEEPING_LOOKS + (atomic_load(&board.heartbeat) != 0));
}

static void still_control_is_found_in_the_end(void **state)
{
    (void)state;
    int looks = 0;
    while (watch_control(&watch, &control) && looks < 10000)
        looks++;
    assert_in_range(looks * WATCH_INTERVAL_MS, 60000, 180000); // a slow disk is no death (F12)
    watch_control_started(&watch);
    assert_true(watch_control(&watch, &control));
}

static void a_board_gone_mad_is_read_within_bounds(void **state)
{
    (void)state;
    int core;
    atomic_store(&board.n_cores, CORES_MAX + 50);
    for (int i = 0; i < 3 * WATCH_CORE_LOOKS; i++) {
        for (int j = 0; j < CORES_MAX; j++)
            counter_add(&board.core[j].heartbeat, 1);
        counter_add(&board.heartbeat, 1);
        assert_true(watch_dataplane(&watch, &board, &core)); // what lies behind has no pulse
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_still_core_is_found_within_a_second, fresh),
        cmocka_unit_test_setup(a_still_core_is_housekeepings_while_that_beats, fresh),
        cmocka_unit_test_setup(still_housekeeping_is_found, fresh),
        cmocka_unit_test_setup(still_control_is_found_in_the_end, fresh),
        cmocka_unit_test_setup(a_board_gone_mad_is_read_within_bounds, fresh),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/watch", tests, NULL, NULL);
}
