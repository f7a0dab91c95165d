// When an interface must be opened anew.
#include "dataplane/port/xdp/interface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct interface then = {
    .index = 7, .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500, .queues = 4, .openable = 4};

static void one_that_is_as_it_was_stays(void **state)
{
    (void)state;
    struct interface now = then;
    assert_null(interface_change(&then, &now));
    now.mtu = 1400;
    assert_null(interface_change(&then, &now));
}

static void each_change_counts(void **state)
{
    (void)state;
    struct interface now = then;
    now.index = 0;
    assert_string_equal(interface_change(&then, &now), "there is no such interface any more");
    now.index = 8;
    assert_string_equal(interface_change(&then, &now), "the interface was made anew");
    now = then;
    now.mac[5] = 2;
    assert_string_equal(interface_change(&then, &now), "its MAC address has changed");
    now = then;
    now.queues = 5;
    assert_string_equal(interface_change(&then, &now), "its number of queues has changed");
    now = then;
    now.openable = 3;
    assert_string_equal(interface_change(&then, &now), "its number of queues has changed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_as_it_was_stays),
        cmocka_unit_test(each_change_counts),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
