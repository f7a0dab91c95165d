// DPDK's command line is made from the plan alone.
#include "dataplane/port/eal/eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool has(const struct eal_args *args, const char *text)
{
    for (int i = 0; i < args->argc; i++) {
        if (strcmp(args->argv[i], text) == 0)
            return true;
    }
    return false;
}

static const struct eal_plan plan = {.prefix = "noonmark-7", .memory_mib = 68};

// F2, P6: nothing of DPDK's memory lies in a file that would outlive a crash.
static void test_hugepages_in_memory(void **state)
{
    (void)state;
    struct eal_args args;
    eal_args_build(&args, &plan, &(struct eal_machine){.main_cpu = 3, .hugepages = true});
    assert_true(has(&args, "--in-memory"));
    assert_true(has(&args, "--lcores=0@3"));
    assert_false(has(&args, "--no-huge"));
    assert_null(args.argv[args.argc]);
}

// F26: without hugepages it runs on ordinary pages. 22.11 refuses --in-memory beside --no-huge.
static void test_no_hugepages(void **state)
{
    (void)state;
    struct eal_args args;
    eal_args_build(&args, &plan, &(struct eal_machine){.main_cpu = 200});
    assert_false(has(&args, "--in-memory"));
    assert_true(has(&args, "--no-huge"));
    assert_true(has(&args, "--no-shconf"));
    assert_true(has(&args, "68"));
    // A CPU's number beyond DPDK's 128 lcores is a place, not a name.
    assert_true(has(&args, "--lcores=0@200"));
}

// Two processes with different prefixes share nothing.
static void test_always(void **state)
{
    (void)state;
    for (int hugepages = 0; hugepages < 2; hugepages++) {
        struct eal_args args;
        eal_args_build(&args, &plan, &(struct eal_machine){.hugepages = hugepages != 0});
        assert_true(has(&args, "--no-pci"));
        assert_true(has(&args, "--no-telemetry"));
        assert_true(has(&args, "--file-prefix=noonmark-7"));
        assert_string_equal(args.argv[0], "noonmark-7");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hugepages_in_memory),
        cmocka_unit_test(test_no_hugepages),
        cmocka_unit_test(test_always),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("eal_args", tests, NULL, NULL);
}
