// CPU time by source: what a host, its network and its block may take, and that nobody pays for
// others.
#include "control/ke/ke_cpu_limit.h"

#include "control/ke/ke_budget.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S (1000 * MS)

static const struct ke_cpu_rate rate = {.ns_per_s = 5 * MS, .burst_ns = 50 * MS};
static struct ke_cpu_limit *limit;
static const uint64_t start = 1000 * S;

static int setup(void **state)
{
    (void)state;
    limit = ke_cpu_limit_open();
    return limit == NULL;
}

static int teardown(void **state)
{
    (void)state;
    ke_cpu_limit_close(limit);
    return 0;
}

static struct ke_source_address at(const char *text)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, text, octets) == 1)
        return ke_source_v4(octets);
    assert_int_equal(inet_pton(AF_INET6, text, octets), 1);
    return ke_source_v6(octets);
}

static struct ke_source_address numbered(uint32_t address)
{
    uint8_t octets[4];
    be32_put(octets, address);
    return ke_source_v4(octets);
}

static void charge(const struct ke_source_address *from, uint64_t cpu_ns, uint64_t now)
{
    ke_cpu_limit_charge(limit, from, cpu_ns, &rate, now);
}

static bool is_over(const char *text, uint64_t now)
{
    const struct ke_source_address from = at(text);
    return ke_cpu_limit_is_over(limit, &from, &rate, now);
}

// The burst at once; then others of its network go on.
static void a_host(void **state)
{
    (void)state;
    const struct ke_source_address v4 = at("192.0.2.1"), v6 = at("2001:db8:1:2::1");
    assert_false(is_over("192.0.2.1", start));
    charge(&v4, 49 * MS, start);
    assert_false(is_over("192.0.2.1", start));
    charge(&v4, 1 * MS, start);
    assert_true(is_over("192.0.2.1", start));
    assert_false(is_over("192.0.2.2", start));

    charge(&v6, 50 * MS, start);
    assert_true(is_over("2001:db8:1:2:3:4:5:6", start)); // the same /64
    assert_false(is_over("2001:db8:1:3::1", start));
}

// A tenth of a second of each second is twenty times the rate; a two-hundredth is just below it.
static void a_rate(void **state)
{
    (void)state;
    const struct ke_source_address much = at("192.0.2.1"), little = at("192.0.2.200");
    uint64_t now = start;
    for (int second = 0; second < 100; second++) {
        for (int i = 0; i < 10; i++, now += S / 10)
            charge(&little, 490 * MS / 1000, now);
        assert_false(is_over("192.0.2.200", now));
        charge(&much, 100 * MS, now);
        assert_true(is_over("192.0.2.1", now));
    }
    // 200 times 50 ms at the end: after five times 10 s less than the burst is left, so it is
    // forgotten.
    assert_true(is_over("192.0.2.1", now + S));
    assert_false(is_over("192.0.2.1", now + 60 * S));
}

// Hosts of so many networks take a millisecond each in turn, until another host, which has never
// taken anything itself, is refused with them. Returns how many milliseconds that were.
static uint32_t refused_after(uint32_t first, uint32_t networks, const char *other)
{
    enum { HOSTS = 100, MANY = 100000 };
    uint32_t n = 0;
    for (; !is_over(other, start) && n < MANY; n++) {
        const struct ke_source_address from =
            numbered(first + n % networks * 256 + n / networks % HOSTS);
        charge(&from, 1 * MS, start);
    }
    return n;
}

static void a_network(void **state)
{
    (void)state;
    assert_int_equal(refused_after(0xc0000200, 1, "192.0.2.250"), 32 * 50);
    assert_false(is_over("192.0.3.1", start));
}

static void a_block(void **state)
{
    (void)state;
    assert_int_equal(refused_after(0xc0000000, 16, "192.0.15.250"), 256 * 50);
    assert_false(is_over("192.0.16.1", start));
}

static void networks_of_v6(void **state)
{
    (void)state;
    char text[64];
    for (unsigned i = 0; i < 32; i++) {
        snprintf(text, sizeof text, "2001:db8:7:%x::1", i);
        const struct ke_source_address from = at(text);
        charge(&from, 50 * MS, start);
    }
    assert_true(is_over("2001:db8:7:ff::1", start)); // the same /56
    assert_false(is_over("2001:db8:7:100::1", start));
    for (unsigned i = 0; i < 7 * 32; i++) {
        snprintf(text, sizeof text, "2001:db8:7:%x::1", 0x100 * (1 + i / 32) + i % 32);
        const struct ke_source_address from = at(text);
        charge(&from, 50 * MS, start);
    }
    assert_true(is_over("2001:db8:7:ffff::1", start)); // the same /48
    assert_false(is_over("2001:db8:8::1", start));
}

// Five times as many hosts as there are accounts, each below its limit: their accounts replace each
// other, and nobody is refused for what others took.
static void innocent_ones(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (uint32_t i = 0; i < 40000; i++) {
        seed = seed * 1664525 + 1013904223; // none comes twice
        const struct ke_source_address from = numbered(seed);
        charge(&from, 20 * MS, start);
        assert_false(ke_cpu_limit_is_over(limit, &from, &rate, start));
    }
    // Nor does one that takes a lot hide among them.
    const struct ke_source_address much = at("192.0.2.1");
    for (uint32_t i = 0; i < 1000; i++) {
        seed = seed * 1664525 + 1013904223;
        const struct ke_source_address from = numbered(seed);
        charge(&from, 40 * MS, start);
        charge(&much, 10 * MS, start);
    }
    assert_true(is_over("192.0.2.1", start));
}

static void mapped(void **state)
{
    (void)state;
    const struct ke_source_address v4 = at("192.0.2.1");
    charge(&v4, 50 * MS, start);
    assert_true(is_over("::ffff:192.0.2.1", start));
    assert_false(is_over("::192.0.2.1", start));
}

static void a_share(void **state)
{
    (void)state;
    enum { QUARTER = KE_SHARE_ONE / 4 };
    struct ke_budget budget = {0};
    uint64_t taken = 0, now = start;
    assert_int_equal(ke_budget_wait_ns(&budget, QUARTER, now), 0);
    // One millisecond of work, and waits as they come.
    while (now < start + 100 * S) {
        ke_budget_take(&budget, 1 * MS, QUARTER, now);
        taken += 1 * MS;
        now += 1 * MS;
        now += ke_budget_wait_ns(&budget, QUARTER, now);
        assert_int_equal(ke_budget_wait_ns(&budget, QUARTER, now), 0);
    }
    assert_in_range(taken, 24 * S, 26 * S);

    // What was not taken is not saved up.
    now += 1000 * S;
    assert_int_equal(ke_budget_wait_ns(&budget, QUARTER, now), 0);
    ke_budget_take(&budget, KE_BUDGET_BURST_NS, QUARTER, now);
    assert_int_equal(ke_budget_wait_ns(&budget, QUARTER, now), 4 * KE_BUDGET_BURST_NS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_host),         TEST(a_rate),        TEST(a_network), TEST(a_block),
        TEST(networks_of_v6), TEST(innocent_ones), TEST(mapped),    TEST(a_share),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/ke_cpu_limit", tests, NULL, NULL);
}
