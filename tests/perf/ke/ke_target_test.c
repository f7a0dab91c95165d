// Names and addresses of servers, as users write them.
#include "perf/ke/ke_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *server, *text;
        int family;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1:4460", AF_INET},
        {"2001:db8::1", "[2001:db8::1]:4460", AF_INET6},
        {"[2001:db8::1]", "[2001:db8::1]:4460", AF_INET6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ke_target target = {0};
        char why[256], text[KE_SERVER_MAX + 10];
        assert_int_equal(ke_target_resolve(&target, rows[i].server, KE_PORT, AF_UNSPEC, why), 0);
        ke_target_text(&target, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(target.address.ss_family, rows[i].family);
        if (rows[i].family == AF_INET)
            assert_int_equal(((struct sockaddr_in *)&target.address)->sin_port, htons(4460));
        else
            assert_int_equal(((struct sockaddr_in6 *)&target.address)->sin6_port, htons(4460));
    }
}

static void faults(void **state)
{
    (void)state;
    struct ke_target target = {.server = "before"};
    char why[256], long_name[300];
    assert_int_equal(ke_target_resolve(&target, "", 4460, AF_UNSPEC, why), -EINVAL);
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(ke_target_resolve(&target, long_name, 4460, AF_UNSPEC, why), -EINVAL);
    assert_true(ke_target_resolve(&target, "2001:db8::1", 4460, AF_INET, why) < 0);
    assert_memory_equal(why, "2001:db8::1: ", 13);
    assert_string_equal(target.server, "before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(faults),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
