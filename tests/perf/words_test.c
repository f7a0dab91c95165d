// Values for people: which texts are accepted, which are refused, and how values are formatted.
#include "perf/words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define N_OF(list) (sizeof(list) / sizeof *(list))

// What no reader of numbers may take.
static const char *const nonsense[] = {" 5",     "+5",   "0x10",    "-0",   ".",    "",    "k",
                                       "-1",     "-1k",  "nan",     "inf",  "-inf", "10x", "1e400",
                                       "1e308M", "1 k",  "1kk",     "1k ",  "1,5",  "%",   "--1",
                                       "1e",     "k500", "1e308 d", "1/2k", "nank"};

static void rates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double rate;
    } right[] = {{"250", 250},      {"50k", 50e3},   {"1.5M", 1.5e6}, {"2K", 2e3},
                 {"7/s", 7},        {"7k/s", 7e3},   {"7M/s", 7e6},   {"0", 0},
                 {"1e3", 1e3},      {"0.001", .001}, {".5", .5},      {"999.5k", 999.5e3},
                 {"1e-300", 1e-300}};
    double rate = -7;
    for (unsigned i = 0; i < N_OF(right); i++) {
        assert_true(words_rate(right[i].text, &rate));
        assert_true(rate == right[i].rate);
    }
    rate = -7;
    for (unsigned i = 0; i < N_OF(nonsense); i++)
        if (words_rate(nonsense[i], &rate))
            fail_msg("taken as a rate: '%s'", nonsense[i]);
    assert_false(words_rate("5m", &rate)); // nobody knows what that means
    assert_false(words_rate("5s", &rate));
    assert_true(rate == -7);
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } right[] = {{"1ns", 1},
                 {"500us", 500000},
                 {"10ms", 10000000},
                 {"2s", 2000000000},
                 {"5m", 300000000000},
                 {"24h", 86400000000000},
                 {"7d", 604800000000000},
                 {"3", 3000000000},
                 {"0", 0},
                 {"0.5s", 500000000},
                 {"1.5us", 1500},
                 {"100d", 8640000000000000}};
    uint64_t ns = 7;
    for (unsigned i = 0; i < N_OF(right); i++) {
        assert_true(words_time(right[i].text, &ns));
        assert_int_equal(ns, right[i].ns);
    }
    ns = 7;
    for (unsigned i = 0; i < N_OF(nonsense); i++)
        if (words_time(nonsense[i], &ns))
            fail_msg("taken as a time: '%s'", nonsense[i]);
    assert_false(words_time("1e300", &ns));
    assert_false(words_time("200000d", &ns)); // beyond 64 bits of nanoseconds, with the sign
    assert_false(words_time("1k", &ns));
    assert_int_equal(ns, 7);
}

static void shares(void **state)
{
    (void)state;
    double share = -7;
    assert_true(words_share("0.1%", &share) && fabs(share - 0.001) < 1e-15);
    assert_true(words_share("0.001", &share) && share == 0.001);
    assert_true(words_share("100%", &share) && share == 1);
    assert_true(words_share("1", &share) && share == 1);
    assert_true(words_share("0", &share) && share == 0);
    assert_true(words_share("0%", &share) && share == 0);
    share = -7;
    for (unsigned i = 0; i < N_OF(nonsense); i++)
        if (words_share(nonsense[i], &share))
            fail_msg("taken as a share: '%s'", nonsense[i]);
    assert_false(words_share("101%", &share));
    assert_false(words_share("1.001", &share));
    assert_false(words_share("2", &share));
    assert_true(share == -7); // out-parameters are written on success only
}

static void counts(void **state)
{
    (void)state;
    uint32_t n = 7;
    assert_true(words_count("0", 0, 10, &n) && n == 0);
    assert_true(words_count("10", 0, 10, &n) && n == 10);
    assert_true(words_count("1k", 0, 1e6, &n) && n == 1000);
    assert_true(words_count("4294967295", 0, UINT32_MAX, &n) && n == UINT32_MAX);
    n = 7;
    for (unsigned i = 0; i < N_OF(nonsense); i++)
        if (words_count(nonsense[i], 0, UINT32_MAX, &n))
            fail_msg("taken as a count: '%s'", nonsense[i]);
    assert_false(words_count("11", 0, 10, &n));
    assert_false(words_count("0", 1, 10, &n));
    assert_false(words_count("1.5", 0, 10, &n));
    assert_false(words_count("4294967296", 0, UINT32_MAX, &n));
    assert_int_equal(n, 7);
}

static void prefixes(void **state)
{
    (void)state;
    struct path_prefix p = {.len = 77};
    assert_true(words_prefix("10.0.0.0/8", &p));
    assert_int_equal(p.family, AF_INET);
    assert_int_equal(p.len, 8);
    assert_memory_equal(p.octets, "\x0a\0\0\0", 4);
    assert_true(words_prefix("192.0.2.1", &p) && p.len == 32);
    assert_true(words_prefix("0.0.0.0/0", &p) && p.len == 0);
    assert_true(words_prefix("fd00::/64", &p) && p.len == 64);
    assert_int_equal(p.family, AF_INET6);
    assert_int_equal(p.octets[0], 0xfd);
    assert_true(words_prefix("::1", &p) && p.len == 128 && p.octets[15] == 1);
    assert_true(words_prefix("::ffff:192.0.2.1/128", &p) && p.len == 128);

    static const char *const wrong[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0/8",
        "fd00::/129",
        "fd00::/",
        "10.0.0.0/8x",
        "10.0.0.0//8",
        "fd00:::/64",
        "10.0.0.0/8/8",
        "256.0.0.1",
        "10.0.0.0 /8",
        "localhost",
        "10.0.0.0/1.5",
        "fd00::1%lo",
        "10.0.0.0/nan",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/64"};
    p.len = 77;
    for (unsigned i = 0; i < N_OF(wrong); i++)
        if (words_prefix(wrong[i], &p))
            fail_msg("taken as a prefix: '%s'", wrong[i]);
    assert_int_equal(p.len, 77);
}

static void macs(void **state)
{
    (void)state;
    uint8_t mac[6];
    assert_true(words_mac("02:00:5e:ff:A0:01", mac));
    assert_memory_equal(mac, "\x02\x00\x5e\xff\xa0\x01", 6);
    static const char *const wrong[] = {
        "",
        "02:00:00:00:00",
        "02:00:00:00:00:01:02",
        "02:00:00:00:00:01 ",
        "02-00-00-00-00-01",
        "020000000001",
        "-1:00:00:00:00:01",
        "02:+1:00:00:00:01",
        "02: 0:00:00:00:01",
        " 2:00:00:00:00:01",
        "0x:00:00:00:00:01",
        "02:00:00:00:00:0g",
        "02:00:00:00:00:",
        "02::00:00:00:01",
        "102:00:00:00:00:01",
    };
    memset(mac, 7, sizeof mac);
    for (unsigned i = 0; i < N_OF(wrong); i++)
        if (words_mac(wrong[i], mac))
            fail_msg("taken as a MAC: '%s'", wrong[i]);
    assert_memory_equal(mac, "\7\7\7\7\7\7", 6);
}

static void shown_rates(void **state)
{
    (void)state;
    static const struct {
        double rate;
        const char *text;
    } rows[] = {{0, "0"},
                {1, "1"},
                {0.25, "0.25"},
                {9.5, "9.50"},
                {950, "950"},
                {9999, "9999"},
                {9999.4, "9999"},
                {9999.6, "10.0 k"},
                {12500, "12.5 k"},
                {999400, "999.4 k"},
                {999500, "1 M"},
                {999999, "1 M"},
                {1234567, "1.23 M"},
                {20e6, "20 M"},
                {123456789, "123 M"},
                {1e9, "1000 M"}};
    char text[WORDS_LEN];
    for (unsigned i = 0; i < N_OF(rows); i++)
        assert_string_equal(words_of_rate(rows[i].rate, text), rows[i].text);
    // Whatever comes is shown within the room.
    static const double odd[] = {-1, -1e300, 1e300, NAN, INFINITY, 1e-300};
    for (unsigned i = 0; i < N_OF(odd); i++)
        assert_true(strlen(words_of_rate(odd[i], text)) < WORDS_LEN);
}

static void shown_spans(void **state)
{
    (void)state;
    static const struct {
        double ns;
        const char *text;
    } rows[] = {{0, "0 ns"},       {850, "850 ns"},      {999.4, "999 ns"},    {999.6, "1.00 us"},
                {1000, "1.00 us"}, {12345, "12.3 us"},   {4560000, "4.56 ms"}, {1.2e9, "1.20 s"},
                {9999, "10.0 us"}, {99990, "100 us"},    {999700, "1.00 ms"},  {86400e9, "86400 s"},
                {-850, "-850 ns"}, {-12345, "-12.3 us"}, {-1.2e9, "-1.20 s"},  {0.4, "0 ns"}};
    char text[WORDS_LEN];
    for (unsigned i = 0; i < N_OF(rows); i++)
        assert_string_equal(words_of_ns(rows[i].ns, text), rows[i].text);
    static const double odd[] = {-1e300, 1e300, NAN, INFINITY, -0.4};
    for (unsigned i = 0; i < N_OF(odd); i++)
        assert_true(strlen(words_of_ns(odd[i], text)) < WORDS_LEN);
}

static void shown_shares(void **state)
{
    (void)state;
    char text[WORDS_LEN];
    assert_string_equal(words_of_share(0, text), "0 %");
    assert_string_equal(words_of_share(0.123, text), "12.3 %");
    assert_string_equal(words_of_share(1, text), "100.0 %");
    assert_string_equal(words_of_share(0.0123, text), "1.23 %");
    assert_string_equal(words_of_share(0.000012, text), "0.00120 %");
    assert_string_not_equal(words_of_share(1e-9, text), "0 %"); // one in a billion is not none
    assert_true(strlen(words_of_share(NAN, text)) < WORDS_LEN);
    assert_true(strlen(words_of_share(-1e300, text)) < WORDS_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates),        cmocka_unit_test(times),
        cmocka_unit_test(shares),       cmocka_unit_test(counts),
        cmocka_unit_test(prefixes),     cmocka_unit_test(macs),
        cmocka_unit_test(shown_rates),  cmocka_unit_test(shown_spans),
        cmocka_unit_test(shown_shares),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
