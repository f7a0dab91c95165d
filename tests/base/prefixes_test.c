// Sets of prefixes against the plain rule: among all prefixes that hold the address the longest
// decides, and of equal ones the denied one.
#include "base/prefixes.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RANDOM_SETS = 300, LOOKUPS = 400 };

static struct prefix prefix(const char *text, uint8_t len)
{
    struct prefix p = {.ip_version = strchr(text, ':') ? 6 : 4, .len = len};
    assert_int_equal(inet_pton(p.ip_version == 6 ? AF_INET6 : AF_INET, text, p.octets), 1);
    return p;
}

static bool allows(const struct prefixes *set, const char *text)
{
    const struct prefix p = prefix(text, 0);
    return p.ip_version == 4 ? prefixes_allow_v4(set, p.octets) : prefixes_allow_v6(set, p.octets);
}

static bool holds(const struct prefix *p, const uint8_t *address)
{
    for (unsigned i = 0; i < p->len; i++)
        if ((p->octets[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

// The rule itself.
static bool rule(const struct prefix *allow, uint32_t n_allow, const struct prefix *deny,
                 uint32_t n_deny, uint8_t version, const uint8_t *address)
{
    int allowed = -1, denied = -1;
    for (uint32_t i = 0; i < n_allow; i++)
        if (allow[i].ip_version == version && holds(&allow[i], address) && allow[i].len > allowed)
            allowed = allow[i].len;
    for (uint32_t i = 0; i < n_deny; i++)
        if (deny[i].ip_version == version && holds(&deny[i], address) && deny[i].len > denied)
            denied = deny[i].len;
    return allowed > denied;
}

static void nothing_allowed_is_nothing(void **state)
{
    (void)state;
    struct prefixes *set = prefixes_make(NULL, 0, NULL, 0);
    assert_non_null(set);
    assert_false(allows(set, "0.0.0.0"));
    assert_false(allows(set, "255.255.255.255"));
    assert_false(allows(set, "2001:db8::1"));
    prefixes_free(set);
    prefixes_free(NULL);
}

static void whole_families(void **state)
{
    (void)state;
    const struct prefix all[] = {prefix("0.0.0.0", 0), prefix("::", 0)};
    struct prefixes *set = prefixes_make(all, 2, NULL, 0);
    static const char *const addresses[] = {
        "0.0.0.0", "192.0.2.1",   "255.255.255.255",
        "::",      "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
    for (unsigned i = 0; i < 6; i++)
        assert_true(allows(set, addresses[i]));
    prefixes_free(set);

    // A family without a prefix is denied; a denied one is so in spite of an equal allowed one.
    set = prefixes_make(all, 1, NULL, 0);
    assert_true(allows(set, "192.0.2.1"));
    assert_false(allows(set, "2001:db8::1"));
    prefixes_free(set);
    set = prefixes_make(all, 2, &all[1], 1);
    assert_true(allows(set, "192.0.2.1"));
    assert_false(allows(set, "2001:db8::1"));
    prefixes_free(set);
}

static void the_longest_decides(void **state)
{
    (void)state;
    const struct prefix allow[] = {prefix("0.0.0.0", 0), prefix("10.1.2.0", 24), prefix("::", 0),
                                   prefix("2001:db8:0:1::", 64)};
    const struct prefix deny[] = {prefix("10.0.0.0", 8), prefix("10.1.2.3", 32),
                                  prefix("2001:db8::", 32), prefix("2001:db8:0:1::7", 128),
                                  prefix("255.255.255.255", 32)};
    struct prefixes *set = prefixes_make(allow, 4, deny, 5);
    assert_true(allows(set, "9.255.255.255"));
    assert_false(allows(set, "10.0.0.0"));
    assert_false(allows(set, "10.1.1.255"));
    assert_true(allows(set, "10.1.2.0"));
    assert_true(allows(set, "10.1.2.2"));
    assert_false(allows(set, "10.1.2.3"));
    assert_true(allows(set, "10.1.2.4"));
    assert_true(allows(set, "10.1.2.255"));
    assert_false(allows(set, "10.1.3.0"));
    assert_false(allows(set, "10.255.255.255"));
    assert_true(allows(set, "11.0.0.0"));
    assert_true(allows(set, "255.255.255.254"));
    assert_false(allows(set, "255.255.255.255"));
    assert_true(allows(set, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_false(allows(set, "2001:db8::"));
    assert_true(allows(set, "2001:db8:0:1::"));
    assert_true(allows(set, "2001:db8:0:1::6"));
    assert_false(allows(set, "2001:db8:0:1::7"));
    assert_true(allows(set, "2001:db8:0:1::8"));
    assert_true(allows(set, "2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert_false(allows(set, "2001:db8:0:2::"));
    assert_false(allows(set, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_true(allows(set, "2001:db9::"));
    prefixes_free(set);
}

// A denied IPv4 network stays denied when its addresses come in IPv6's form.
static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    const struct prefix allow[] = {prefix("0.0.0.0", 0), prefix("::", 0)};
    const struct prefix deny[] = {prefix("192.0.2.0", 24)};
    struct prefixes *set = prefixes_make(allow, 2, deny, 1);
    assert_false(allows(set, "::ffff:192.0.2.1"));
    assert_true(allows(set, "::ffff:192.0.3.1"));
    assert_true(allows(set, "::192.0.2.1"));
    assert_true(allows(set, "::fffe:192.0.2.1"));
    assert_true(allows(set, "0:0:0:1:0:ffff:192.0.2.1"));
    prefixes_free(set);
}

// Few different octets, so that prefixes meet, hold each other and are equal.
static struct prefix random_prefix(uint8_t version)
{
    struct prefix p = {.ip_version = version};
    const unsigned octets = version == 4 ? 4 : 16;
    p.len = (uint8_t)(rand() % (8 * (int)octets + 1));
    for (unsigned i = 0; i < octets; i++)
        p.octets[i] = (uint8_t)(rand() % 4 == 0 ? rand() % 4 * 85 : 255 * (rand() % 2));
    return p;
}

// At an edge of a prefix, or just beyond it.
static void near(const struct prefix *p, uint8_t address[16])
{
    const unsigned octets = p->ip_version == 4 ? 4 : 16;
    const bool ones = rand() % 2;
    memcpy(address, p->octets, 16);
    for (unsigned i = p->len; i < 8 * octets; i++) {
        const uint8_t bit = (uint8_t)(0x80 >> i % 8);
        address[i / 8] = (uint8_t)((address[i / 8] & ~bit) | (ones ? bit : 0));
    }
    int step = rand() % 3 - 1;
    for (unsigned i = octets; i-- > 0 && step != 0;) {
        const int sum = address[i] + step;
        address[i] = (uint8_t)sum;
        step = sum < 0 ? -1 : sum > 255 ? 1 : 0;
    }
}

static void agree(const struct prefix *allow, uint32_t n_allow, const struct prefix *deny,
                  uint32_t n_deny)
{
    struct prefixes *set = prefixes_make(allow, n_allow, deny, n_deny);
    assert_non_null(set);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        uint8_t address[16] = {0};
        uint8_t version = rand() % 2 ? 4 : 6;
        const uint32_t pick = (uint32_t)rand() % (n_allow + n_deny + 1);
        if (pick < n_allow + n_deny) {
            const struct prefix *p = pick < n_allow ? &allow[pick] : &deny[pick - n_allow];
            version = p->ip_version;
            near(p, address);
        } else {
            for (unsigned o = 0; o < 16; o++)
                address[o] = (uint8_t)rand();
        }
        static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
        if (version == 6 && memcmp(address, mapped, sizeof mapped) == 0)
            continue;
        const bool is =
            version == 4 ? prefixes_allow_v4(set, address) : prefixes_allow_v6(set, address);
        if (is != rule(allow, n_allow, deny, n_deny, version, address))
            fail_msg("look-up %u of %u allowed and %u denied prefixes", i, n_allow, n_deny);
    }
    prefixes_free(set);
}

static void random_sets_follow_the_rule(void **state)
{
    (void)state;
    static struct prefix allow[PREFIXES_MAX], deny[PREFIXES_MAX];
    srand(1);
    for (unsigned round = 0; round < RANDOM_SETS; round++) {
        const uint32_t n_allow = (uint32_t)rand() % 40, n_deny = (uint32_t)rand() % 40;
        for (uint32_t i = 0; i < n_allow; i++)
            allow[i] = random_prefix(rand() % 2 ? 4 : 6);
        for (uint32_t i = 0; i < n_deny; i++)
            deny[i] = rand() % 8 == 0 && n_allow > 0 ? allow[(uint32_t)rand() % n_allow]
                                                     : random_prefix(rand() % 2 ? 4 : 6);
        agree(allow, n_allow, deny, n_deny);
    }
}

// As many as there may be, all apart, so that there are as many ranges as there can be.
static void the_most_prefixes(void **state)
{
    (void)state;
    static struct prefix allow[PREFIXES_MAX], deny[PREFIXES_MAX];
    for (uint32_t i = 0; i < PREFIXES_MAX; i++) {
        allow[i] = (struct prefix){.ip_version = 4, .len = 32, .octets = {10, 1, i >> 6, i << 2}};
        deny[i] = allow[i];
        deny[i].octets[3] |= 2;
    }
    agree(allow, PREFIXES_MAX, deny, PREFIXES_MAX);
    for (uint32_t i = 0; i < PREFIXES_MAX; i++)
        allow[i].ip_version = deny[i].ip_version = 6, allow[i].len = deny[i].len = 128;
    agree(allow, PREFIXES_MAX, deny, PREFIXES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_allowed_is_nothing),  cmocka_unit_test(whole_families),
        cmocka_unit_test(the_longest_decides),         cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(random_sets_follow_the_rule), cmocka_unit_test(the_most_prefixes),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
