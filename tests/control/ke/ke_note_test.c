// The CPU time that the loops' threads use is counted once.
#include "control/ke/ke_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static uint64_t used_ns(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void cpu_time_is_counted_once(void **state)
{
    (void)state;
    static struct ke_counters counters;
    uint64_t counted = 0;
    for (int i = 0; i < 5; i++) {
        const uint64_t least = used_ns() + 1000000;
        while (used_ns() < least) {
        }
        counted = ke_note_cpu(&counters, counted);
        assert_true(counted >= least && counted <= used_ns());
        assert_int_equal(counters.cpu_ns, counted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_time_is_counted_once),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
