// Children that stand still are noticed: a stopped one in under a second (F3), one that waits or
// gets no CPU with patience, and one that beats never.
#include "supervisor/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned looks_until_found(struct pulse *pulse, bool stopped, uint32_t patience)
{
    unsigned looks = 1;
    while (watch_awake(pulse, pulse->seen, stopped, patience) && looks < 10000)
        looks++;
    return looks;
}

static void a_stopped_child_is_found_within_a_second(void **state)
{
    (void)state;
    struct pulse pulse = {.seen = 5};
    unsigned looks = looks_until_found(&pulse, true, WATCH_CONTROL_LOOKS);
    assert_in_range(looks * WATCH_INTERVAL_MS, 250, 1000);
}

static void a_child_that_may_wait_is_given_time(void **state)
{
    (void)state;
    struct pulse dataplane = {0}, control = {0};
    unsigned looks = looks_until_found(&dataplane, false, WATCH_DATAPLANE_LOOKS);
    assert_in_range(looks * WATCH_INTERVAL_MS, 5000,
                    15000); // a CPU that others keep busy is no death
    looks = looks_until_found(&control, false, WATCH_CONTROL_LOOKS);
    assert_in_range(looks * WATCH_INTERVAL_MS, 60000, 180000); // nor is a slow disk (F12)
}

static void one_beat_wins_all_the_time_back(void **state)
{
    (void)state;
    struct pulse pulse = {0};
    uint64_t beat = 0;
    for (int i = 0; i < 1000; i++) {
        if (i % (WATCH_DATAPLANE_LOOKS - 1) == 0)
            beat++;
        assert_true(watch_awake(&pulse, beat, false, WATCH_DATAPLANE_LOOKS));
    }
}

static void a_child_that_beats_is_never_found(void **state)
{
    (void)state;
    struct pulse pulse = {0};
    for (uint64_t beat = 1; beat < 1000; beat++)
        assert_true(watch_awake(&pulse, beat, beat % 2 == 0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_child_is_found_within_a_second),
        cmocka_unit_test(a_child_that_may_wait_is_given_time),
        cmocka_unit_test(one_beat_wins_all_the_time_back),
        cmocka_unit_test(a_child_that_beats_is_never_found),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/watch", tests, NULL, NULL);
}
