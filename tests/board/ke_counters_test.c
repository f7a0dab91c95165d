// The counters of NTS-KE across a death: every accepted connection still ends in one counter.
#include "board/ke_counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// P8: what a ke that died had open ends as abandoned, and its places are free.
static void open_connections_of_a_dead_ke_are_abandoned(void **state)
{
    (void)state;
    static struct ke_counters counters;
    for (int i = 0; i < 10; i++)
        ke_count(&counters, KE_ACCEPTED);
    for (int i = 0; i < 4; i++)
        ke_count(&counters, KE_COMPLETED);
    ke_count(&counters, KE_LATE_REQUEST);
    ke_count(&counters, KE_ABANDONED);
    ke_count(&counters, KE_PAUSED_FULL); // no end of a connection
    atomic_store(&counters.open, 6);

    for (int i = 0; i < 2; i++) { // the second time nothing is left
        ke_counters_take_over(&counters);
        assert_int_equal(ke_counted(&counters, KE_ABANDONED), 5);
        assert_int_equal(ke_counted(&counters, KE_ACCEPTED), 10);
        assert_int_equal(atomic_load(&counters.open), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_connections_of_a_dead_ke_are_abandoned),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
