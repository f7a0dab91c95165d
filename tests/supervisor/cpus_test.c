// Polling CPUs are left to the polling threads, as long as another one is there.
#include "supervisor/cpus.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static cpu_set_t before;

static int look(void **state)
{
    (void)state;
    return sched_getaffinity(0, sizeof before, &before);
}

static int restore(void **state)
{
    (void)state;
    return sched_setaffinity(0, sizeof before, &before);
}

static uint32_t all(uint32_t cpu[CPU_SETSIZE])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &before))
            cpu[n++] = i;
    return n;
}

static void polling_cpus_are_left(void **state)
{
    (void)state;
    uint32_t cpu[CPU_SETSIZE];
    cpu_set_t now;
    if (all(cpu) < 2) {
        print_message("# one CPU alone cannot be left\n");
        skip();
    }
    assert_int_equal(cpus_leave(cpu, 1), 0);
    sched_getaffinity(0, sizeof now, &now);
    assert_false(CPU_ISSET(cpu[0], &now));
    CPU_SET(cpu[0], &now);
    assert_true(CPU_EQUAL(&now, &before));
}

static void one_cpu_is_kept(void **state)
{
    (void)state;
    uint32_t cpu[CPU_SETSIZE];
    cpu_set_t now;
    assert_int_equal(cpus_leave(cpu, all(cpu)), 0);
    sched_getaffinity(0, sizeof now, &now);
    assert_true(CPU_EQUAL(&now, &before));
}

static void other_cpus_do_not_matter(void **state)
{
    (void)state;
    cpu_set_t now;
    assert_int_equal(cpus_leave(&(uint32_t){CPU_SETSIZE - 1}, 1), 0);
    sched_getaffinity(0, sizeof now, &now);
    assert_true(CPU_EQUAL(&now, &before));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(polling_cpus_are_left, look, restore),
        cmocka_unit_test_setup_teardown(one_cpu_is_kept, look, restore),
        cmocka_unit_test_setup_teardown(other_cpus_do_not_matter, look, restore),
    };
    return cmocka_run_group_tests_name("supervisor/cpus", tests, NULL, NULL);
}
