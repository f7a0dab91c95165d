// How the server of a key exchange is named to people.
#include "perf/ke/ke_target.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *server, *text;
        int family;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1:4460", AF_INET},
        {"2001:db8::1", "[2001:db8::1]:4460", AF_INET6},
        {"ntp.example", "ntp.example:4460", AF_INET},
        {"ntp.example", "ntp.example:4460", AF_INET6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ke_target target = {.address.ss_family = (sa_family_t)rows[i].family};
        char text[KE_SERVER_MAX + 10];
        snprintf(target.server, sizeof target.server, "%s", rows[i].server);
        if (rows[i].family == AF_INET)
            ((struct sockaddr_in *)&target.address)->sin_port = htons(KE_PORT);
        else
            ((struct sockaddr_in6 *)&target.address)->sin6_port = htons(KE_PORT);
        ke_target_text(&target, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
