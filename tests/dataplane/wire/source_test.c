// Sources that no host has: each prefix at its borders, and the short way for IPv4.
#include "dataplane/wire/source.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct source_row {
    const char *address;
    bool possible;
};

static const struct source_row rows[] = {
    {"0.0.0.0", false},
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"126.255.255.255", true},
    {"127.0.0.0", false},
    {"127.255.255.255", false},
    {"128.0.0.0", true},
    {"10.0.0.1", true},
    {"169.254.0.1", true},
    {"192.0.2.1", true},
    {"223.255.255.255", true},
    {"224.0.0.0", false},
    {"239.255.255.255", false},
    {"240.0.0.0", false},
    {"255.255.255.255", false},
    {"::", false},
    {"::1", false},
    {"::192.0.2.1", false},
    {"::ffff:ffff", false},
    {"::1:0:0", true},
    {"::fffe:ffff:ffff", true},
    {"::ffff:0.0.0.0", false},
    {"::ffff:192.0.2.1", false},
    {"::ffff:255.255.255.255", false},
    {"::1:0:0:0", true},
    {"64:ff9b::192.0.2.1", true},
    {"2001:db8::1", true},
    {"7f00::1", true},
    {"e000::", true},
    {"fe80::1", true},
    {"feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"ff00::", false},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
};

static void prefixes_end_where_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool six = strchr(rows[i].address, ':') != NULL;
        uint8_t address[16];
        assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, rows[i].address, address), 1);
        if (source_is_possible(six ? 6 : 4, address) != rows[i].possible)
            fail_msg("%s", rows[i].address);
    }
}

// The short way reads the first octet alone, so that no prefix may be longer than it.
static void the_short_way_says_the_same(void **state)
{
    (void)state;
    for (unsigned i = 0; i < source_impossible_n; i++)
        assert_true(source_impossible[i].ip_version == 6 || source_impossible[i].len <= 8);
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned rest = 0; rest < 2; rest++) {
            uint8_t address[4] = {(uint8_t)first};
            memset(address + 1, rest == 0 ? 0 : 255, 3);
            assert_int_equal(source_is_possible_v4(address), source_is_possible(4, address));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_end_where_they_should),
        cmocka_unit_test(the_short_way_says_the_same),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
