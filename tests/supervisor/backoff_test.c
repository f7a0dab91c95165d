// How long a child that died must wait.
#include "supervisor/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void doubles_up_to_its_limit(void **state)
{
    (void)state;
    static const uint32_t waits[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    struct backoff b = {0};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        assert_int_equal(backoff_died(&b, 59999), waits[i]);
}

static void a_long_life_is_forgiven(void **state)
{
    (void)state;
    struct backoff b = {0};
    for (int i = 0; i < 20; i++)
        backoff_died(&b, 0);
    assert_int_equal(backoff_died(&b, 60000), 0);
    assert_int_equal(backoff_died(&b, 0), 100);
}

static void the_count_does_not_wrap(void **state)
{
    (void)state;
    struct backoff b = {.deaths = UINT32_MAX};
    assert_int_equal(backoff_died(&b, 0), 5000);
    assert_int_equal(backoff_died(&b, 0), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_its_limit),
        cmocka_unit_test(a_long_life_is_forgiven),
        cmocka_unit_test(the_count_does_not_wrap),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/backoff", tests, NULL, NULL);
}
