// The assumed age of a waiting frame is never too small (F30), and under a lasting flood it does
// not grow for ever.
#include "dataplane/clock/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct backlog backlog;

static void a_drained_port_says_since_when(void **state)
{
    (void)state;
    backlog_start(&backlog, 5);
    assert_int_equal(backlog.since, 5);
    backlog_note(&backlog, 10, true);
    assert_int_equal(backlog.since, 10);
    backlog_note(&backlog, 20, false); // more was left, and that may be as old as this was
    backlog_note(&backlog, 30, false);
    assert_int_equal(backlog.since, 10);
    backlog_note(&backlog, 40, true);
    assert_int_equal(backlog.since, 40);
}

static void a_flood_does_not_make_it_older_and_older(void **state)
{
    (void)state;
    backlog_start(&backlog, 1);
    for (uint64_t burst = 1; burst <= 3 * BACKLOG_BURSTS; burst++) {
        backlog_note(&backlog, 100 + burst, false);
        uint64_t oldest = burst < BACKLOG_BURSTS ? 1 : 100 + burst - BACKLOG_BURSTS + 1;
        assert_int_equal(backlog.since, oldest);
    }
    backlog_note(&backlog, 1000000, true);
    backlog_note(&backlog, 1000001, false);
    assert_int_equal(backlog.since, 1000000); // what was before is forgotten
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drained_port_says_since_when),
        cmocka_unit_test(a_flood_does_not_make_it_older_and_older),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("clock/backlog", tests, NULL, NULL);
}
