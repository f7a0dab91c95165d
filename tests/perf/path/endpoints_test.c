// Endpoints: number to address and port and back, for prefixes of all lengths.
#include "perf/path/endpoints.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct path_prefix prefix_of(const char *text, uint8_t len)
{
    struct path_prefix prefix = {.family = strchr(text, ':') ? AF_INET6 : AF_INET, .len = len};
    assert_int_equal(inet_pton(prefix.family, text, prefix.octets), 1);
    return prefix;
}

static struct endpoints make(const char *text, uint8_t len, uint32_t n_addresses, uint16_t first,
                             uint16_t n_ports)
{
    struct endpoints e;
    struct path_prefix prefix = prefix_of(text, len);
    assert_true(endpoints_make(&prefix, n_addresses, first, n_ports, PATH_ENDPOINTS_MAX, &e));
    return e;
}

static bool refused(const char *text, uint8_t len, uint32_t n_addresses, uint16_t first,
                    uint16_t n_ports)
{
    struct endpoints e;
    struct path_prefix prefix = prefix_of(text, len);
    return !endpoints_make(&prefix, n_addresses, first, n_ports, PATH_ENDPOINTS_MAX, &e);
}

static const char *text_of(const struct endpoints *e, uint32_t number, uint16_t *port)
{
    static char text[ADDRESS_TEXT_LEN];
    struct address address = {e->family, e->high, endpoints_low(e, number, port)};
    return address_text(&address, text);
}

// The first and the last endpoint of each, written out.
static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        uint8_t len;
        uint32_t n_addresses;
        uint16_t n_ports;
        uint32_t n;
        const char *first, *last;
    } table[] = {
        {"192.0.2.7", 32, 0, 1, 1, "192.0.2.7", "192.0.2.7"},
        {"192.0.2.7", 31, 0, 1, 2, "192.0.2.6", "192.0.2.7"},
        {"192.0.2.7", 30, 0, 1, 2, "192.0.2.5", "192.0.2.6"},
        {"192.0.2.7", 29, 0, 3, 18, "192.0.2.1", "192.0.2.6"},
        {"10.123.4.0", 22, 0, 1, 1022, "10.123.4.1", "10.123.7.254"},
        {"10.123.7.255", 22, 5, 2, 10, "10.123.4.1", "10.123.4.5"}, // host bits do not matter
        {"10.0.0.0", 8, 0, 1, (1 << 24) - 2, "10.0.0.1", "10.255.255.254"},
        {"10.0.0.0", 8, 0, 3, 16777215, "10.0.0.1", "10.85.85.85"},
        {"0.0.0.0", 0, 0, 1, 1 << 24, "0.0.0.1", "1.0.0.0"},
        {"2001:db8::5", 128, 0, 1, 1, "2001:db8::5", "2001:db8::5"},
        {"2001:db8::5", 127, 0, 1, 2, "2001:db8::4", "2001:db8::5"},
        {"2001:db8::5", 126, 0, 1, 3, "2001:db8::5", "2001:db8::7"},
        {"2001:db8:0:1::", 64, 0, 1, 1 << 24, "2001:db8:0:1::1", "2001:db8:0:1::100:0"},
        {"2001:db8:0:1:8000::", 65, 7, 1, 7, "2001:db8:0:1:8000::1", "2001:db8:0:1:8000::7"},
        {"2001:db8:ffff:ffff:ffff::", 47, 9, 1, 9, "2001:db8:fffe::1", "2001:db8:fffe::9"},
        {"ffff::", 0, 2, 1, 2, "::1", "::2"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct endpoints e =
            make(table[i].prefix, table[i].len, table[i].n_addresses, 40000, table[i].n_ports);
        uint16_t port;
        assert_int_equal(endpoints_n(&e), table[i].n);
        assert_string_equal(text_of(&e, 0, &port), table[i].first);
        assert_int_equal(port, 40000);
        assert_string_equal(text_of(&e, endpoints_n(&e) - 1, &port), table[i].last);
        assert_int_equal(port, 40000 + table[i].n_ports - 1);
    }
}

static void test_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        uint8_t len;
        uint16_t first, n_ports;
    } table[] = {{"192.0.2.7", 32, 1, 65535},
                 {"192.0.2.0", 25, 0, 7},
                 {"10.123.4.0", 22, 65533, 3},
                 {"2001:db8::", 115, 60000, 13},
                 {"2001:db8::42", 128, 1024, 9}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct endpoints e =
            make(table[i].prefix, table[i].len, 0, table[i].first, table[i].n_ports);
        for (uint32_t number = 0; number < endpoints_n(&e); number++) {
            uint16_t port;
            uint64_t low = endpoints_low(&e, number, &port);
            assert_int_equal(endpoints_find(&e, e.high, low, port), number);
        }
        uint16_t last = (uint16_t)(table[i].first + table[i].n_ports - 1);
        uint64_t end = e.first + e.n_addresses;
        assert_int_equal(endpoints_find(&e, e.high, e.first - 1, last), ENDPOINTS_NONE);
        assert_int_equal(endpoints_find(&e, e.high, end, last), ENDPOINTS_NONE);
        assert_int_equal(endpoints_find(&e, e.high + 1, e.first, last), ENDPOINTS_NONE);
        assert_int_equal(endpoints_find(&e, e.high, e.first, (uint16_t)(last + 1)), ENDPOINTS_NONE);
    }
    struct endpoints none = {0};
    assert_int_equal(endpoints_find(&none, 0, 0, 0), ENDPOINTS_NONE);
    assert_false(endpoints_have(&none, &(struct address){AF_INET, 0, 0}));
}

static void test_refused(void **state)
{
    (void)state;
    assert_true(refused("192.0.2.0", 24, 255, 1, 1)); // it has 254
    assert_true(refused("192.0.2.0", 33, 0, 1, 1));
    assert_true(refused("2001:db8::", 129, 0, 1, 1));
    assert_true(refused("192.0.2.0", 24, 1, 1, 0));
    assert_true(refused("192.0.2.0", 24, 1, 65535, 2)); // past the last port
    assert_false(refused("192.0.2.0", 24, 1, 65535, 1));
    assert_true(refused("10.0.0.0", 8, 1 << 23, 1, 3)); // more endpoints than a path has
    assert_false(refused("10.0.0.0", 8, 1 << 23, 1, 2));
}

static void test_have(void **state)
{
    (void)state;
    struct endpoints e = make("10.123.4.0", 22, 10, 1, 1);
    struct address address = {AF_INET, 0, 0x0a7b0401};
    assert_true(endpoints_have(&e, &address));
    address.low += 9;
    assert_true(endpoints_have(&e, &address));
    address.low++;
    assert_false(endpoints_have(&e, &address)); // of the prefix, but not used
    assert_false(endpoints_have(&e, &(struct address){AF_INET6, 0, 0x0a7b0401}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_have),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("endpoints", tests, NULL, NULL);
}
