// Stuck children are detected: a stopped dataplane in under a second (F3), one that waits or gets
// no CPU time later, and one that never has a heartbeat.
#include "supervisor/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned ms_until_found(uint32_t patience)
{
    struct heartbeat heartbeat = {.seen = 5};
    unsigned looks = 1;
    while (heartbeat_awake(&heartbeat, 5, patience) && looks < 10000)
        looks++;
    return looks * HEARTBEAT_LOOK_MS;
}

static void patience_is_what_it_says(void **state)
{
    (void)state;
    assert_in_range(ms_until_found(HEARTBEAT_LOOKS_STOPPED), 250, 1000);
    assert_in_range(ms_until_found(HEARTBEAT_LOOKS_DATAPLANE), 5000,
                    15000); // a busy CPU is no death
    assert_in_range(ms_until_found(HEARTBEAT_LOOKS_CONTROL), 60000,
                    180000); // nor is a slow disk (F12)
}

static void one_beat_wins_all_the_time_back(void **state)
{
    (void)state;
    struct heartbeat heartbeat = {0};
    uint64_t beat = 0;
    for (int i = 0; i < 1000; i++) {
        if (i % (HEARTBEAT_LOOKS_DATAPLANE - 1) == 0)
            beat++;
        assert_true(heartbeat_awake(&heartbeat, beat, HEARTBEAT_LOOKS_DATAPLANE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_is_what_it_says),
        cmocka_unit_test(one_beat_wins_all_the_time_back),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/heartbeat", tests, NULL, NULL);
}
