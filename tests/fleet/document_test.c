// The document of a fleet: what is read and printed, and every fault with its line. F13.
#include "fleet/derive.h"
#include "fleet/document.h"
#include "fleet/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "noonmark-fleet 1\n"
#define SECRET_1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET_2 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define SPAN_1 "2026-12-01T00:00Z 2027-01-01T00:00Z " SECRET_1 "\n"
#define SPAN_2 "2027-01-01T00:00Z 2027-02-01T00:00Z " SECRET_2 "\n"
#define GOOD HEAD "serial 12\nrotate 24h\n" SPAN_1 SPAN_2 "revoke 1b2c3d4e\n"
// Of GOOD, by another implementation (Python's hashlib).
#define GOOD_SUM "sum 1ee112c87fdfed9c0f732f0ac4a7b7ac72bb1929bf03c05c1fce23d0ea806690\n"
#define DECEMBER INT64_C(1796083200)

static struct fleet_document doc;
static struct fleet_error error;

static bool parse(const char *text)
{
    return fleet_document_parse(text, strlen(text), &doc, &error);
}

// With the right sum appended.
static bool parse_summed(const char *text)
{
    static char whole[2 * FLEET_TEXT_MAX];
    uint8_t sum[32];
    fleet_sum(text, strlen(text), sum);
    int n = snprintf(whole, sizeof whole, "%ssum ", text);
    for (unsigned i = 0; i < sizeof sum; i++)
        n += snprintf(whole + n, sizeof whole - (size_t)n, "%02x", sum[i]);
    snprintf(whole + n, sizeof whole - (size_t)n, "\n");
    return parse(whole);
}

static void a_document_is_read(void **state)
{
    (void)state;
    assert_true(parse(GOOD GOOD_SUM));
    assert_int_equal(doc.serial, 12);
    assert_int_equal(doc.rotate_s, 86400);
    assert_int_equal(doc.n_spans, 2);
    assert_int_equal(doc.span[0].from_s, DECEMBER);
    assert_int_equal(doc.span[0].until_s, DECEMBER + 31 * 86400);
    assert_int_equal(doc.span[1].until_s, DECEMBER + 62 * 86400);
    assert_int_equal(doc.span[1].secret[31], 0x3f);
    assert_int_equal(doc.n_revoked, 1);
    assert_true(fleet_document_revokes(&doc, 0x1b2c3d4e));
    assert_false(fleet_document_revokes(&doc, 0x1b2c3d4f));

    assert_true(parse_summed(HEAD "# hello\n" SPAN_1 "serial 1\n#\n"));
    assert_int_equal(doc.rotate_s, 86400);
    assert_true(parse_summed(HEAD "rotate 2s\nserial 999999999999999999\n" SPAN_1));
    assert_int_equal(doc.rotate_s, 2);
}

static void what_is_printed_is_read_again(void **state)
{
    (void)state;
    static char text[FLEET_TEXT_MAX];
    static struct fleet_document again;
    assert_true(parse(GOOD GOOD_SUM));
    const size_t n = fleet_document_print(&doc, text);
    assert_int_equal(n, strlen(GOOD GOOD_SUM));
    assert_memory_equal(text, GOOD GOOD_SUM, n);

    // The largest document.
    doc.n_spans = FLEET_SPANS_MAX;
    doc.n_revoked = FLEET_REVOKED_MAX;
    doc.rotate_s = 7;
    for (unsigned i = 0; i < FLEET_SPANS_MAX; i++) {
        doc.span[i].from_s = DECEMBER + 1001 * (int64_t)i;
        doc.span[i].until_s = DECEMBER + 1001 * (int64_t)(i + 1);
    }
    assert_true(fleet_document_sound(&doc, &error));
    assert_true(fleet_document_parse(text, fleet_document_print(&doc, text), &again, &error));
    assert_memory_equal(&doc, &again, sizeof doc);
}

static void each_fault_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        unsigned line;
    } rows[] = {
        {"noonmark-fleet 2\n", "first line", 1},
        {"\n", "first line", 1},
        {"noonmark-fleet 1\r\n", "first line", 1},
        {HEAD "serial 0\n", "from 1", 2},
        {HEAD "serial -1\n", "from 1", 2},
        {HEAD "serial 1000000000000000000\n", "18 digits", 2},
        {HEAD "serial 1 2\n", "one whole number", 2},
        {HEAD "serial\n", "one whole number", 2},
        {HEAD "serial 1\nserial 2\n", "second `serial`", 3},
        {HEAD "rotate 24\n", "duration", 2},
        {HEAD "rotate 0s\n", "duration", 2},
        {HEAD "rotate 31d\n", "duration", 2},
        {HEAD "rotate 9999999d\n", "duration", 2},
        {HEAD "rotate 1h 1m\n", "duration", 2},
        {HEAD "rotate 1h\nrotate 1h\n", "second `rotate`", 3},
        {HEAD "revoke 1b2c3d4\n", "8 hexadecimal", 2},
        {HEAD "revoke 1B2C3D4E\n", "lower case", 2},
        {HEAD "serial 1\n\n" SPAN_1, "empty line", 3},
        {HEAD "serial  1\n", "space too many", 2},
        {HEAD " serial 1\n", "space too many", 2},
        {HEAD "a b c d e\n", "too many words", 2},
        {HEAD "key 1\n", "not a line of a document", 2},
        {HEAD "2026-12-01T00:00Z 2027-01-01T00:00Z\n", "FROM UNTIL SECRET", 2},
        {HEAD "2026-12-01 2027-01-01T00:00Z " SECRET_1 "\n", "first word", 2},
        {HEAD "2026-12-01T00:00Z 2027-02-29T00:00Z " SECRET_1 "\n", "second word", 2},
        {HEAD "2026-12-01T00:00Z 2027-01-01T00:00Z 0001\n", "64 hexadecimal", 2},
        {HEAD "2026-12-01T00:00Z 2026-12-01T00:00Z " SECRET_1 "\n", "ends at or before", 2},
        {HEAD SPAN_2 SPAN_1, "2027-02-01T00:00Z: they overlap", 3},
        {HEAD SPAN_1 SPAN_1, "2027-01-01T00:00Z: they overlap", 3},
        {HEAD SPAN_1 "2027-01-02T00:00Z 2027-02-01T00:00Z " SECRET_2 "\n", "there is a gap", 3},
        {HEAD SPAN_1, "no `serial`", 0},
        {HEAD "serial 1\n", "no span", 0},
        {HEAD "serial 1\n2026-12-01T01:00Z 2026-12-01T02:00Z " SECRET_1 "\n", "shorter than", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        doc.n_spans = 1;
        if (parse_summed(rows[i].text) || error.line != rows[i].line ||
            strstr(error.text, rows[i].says) == NULL)
            fail_msg("%s: line %u: %s", rows[i].text, error.line, error.text);
        assert_int_equal(doc.n_spans, 0); // nothing of a bad document is left
    }
}

// F13: cut off at any place, or with any bit flipped, it is refused; no fault tells a secret.
static void a_damaged_document_is_refused(void **state)
{
    (void)state;
    static const char good[] = GOOD GOOD_SUM;
    static char bad[sizeof good];
    const size_t len = sizeof good - 1;

    for (size_t n = 0; n < len; n++) {
        assert_false(fleet_document_parse(good, n, &doc, &error));
        assert_null(strstr(error.text, "0102"));
    }
    for (size_t i = 0; i < 8 * len; i++) {
        memcpy(bad, good, len);
        bad[i / 8] = (char)(bad[i / 8] ^ 1 << i % 8);
        assert_false(fleet_document_parse(bad, len, &doc, &error));
        assert_null(strstr(error.text, "0102"));
    }
    assert_false(parse(GOOD GOOD_SUM "# more\n"));
    assert_non_null(strstr(error.text, "follows the `sum`"));
    assert_int_equal(error.line, 7);
    assert_false(parse(GOOD));
    assert_non_null(strstr(error.text, "cut off"));
    assert_int_equal(error.line, 7);
    assert_false(parse(GOOD "sum 12\n"));
    assert_int_equal(error.line, 7);
    assert_false(parse(GOOD "# edited\n" GOOD_SUM));
    assert_non_null(strstr(error.text, "the sum is wrong"));
    assert_int_equal(error.line, 8);
    assert_false(parse(""));
    assert_non_null(strstr(error.text, "empty"));
}

static void limits_hold(void **state)
{
    (void)state;
    static char text[3 * FLEET_TEXT_MAX];
    memset(text, '#', sizeof text);
    assert_false(fleet_document_parse(text, FLEET_TEXT_MAX + 1, &doc, &error));
    assert_non_null(strstr(error.text, "octets"));

    int n = snprintf(text, sizeof text, HEAD "serial 1\n");
    for (unsigned i = 0; i <= FLEET_REVOKED_MAX; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "revoke %08x\n", i);
    assert_false(parse_summed(text));
    assert_int_equal(error.line, 3 + FLEET_REVOKED_MAX);

    n = snprintf(text, sizeof text, HEAD "serial 1\n");
    for (unsigned i = 0; i <= FLEET_SPANS_MAX; i++)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "%u-01-01T00:00Z %u-01-01T00:00Z " SECRET_1 "\n", 2000 + i, 2001 + i);
    assert_false(parse_summed(text));
    assert_int_equal(error.line, 3 + FLEET_SPANS_MAX);
}

// Serial and revocations are not part of it; each secret, time and the period are.
static void a_fingerprint_tells_keys_apart(void **state)
{
    (void)state;
    char first[FLEET_FINGERPRINT_LEN], other[FLEET_FINGERPRINT_LEN];
    assert_true(parse(GOOD GOOD_SUM));
    fleet_document_fingerprint(&doc, first);
    assert_string_equal(first, "f23275dd"); // Python's hashlib
    doc.serial++;
    doc.n_revoked = 0;
    fleet_document_fingerprint(&doc, other);
    assert_string_equal(first, other);
    doc.span[1].secret[31] ^= 1;
    fleet_document_fingerprint(&doc, other);
    assert_string_not_equal(first, other);
    doc.span[1].secret[31] ^= 1;
    doc.span[1].until_s++;
    fleet_document_fingerprint(&doc, other);
    assert_string_not_equal(first, other);
    doc.span[1].until_s--;
    doc.rotate_s--;
    fleet_document_fingerprint(&doc, other);
    assert_string_not_equal(first, other);
}

static void the_end_is_seen_a_week_before(void **state)
{
    (void)state;
    assert_true(parse(GOOD GOOD_SUM));
    const int64_t end = doc.span[1].until_s;
    assert_int_equal(fleet_document_end(&doc, 0), FLEET_END_FAR);
    assert_int_equal(fleet_document_end(&doc, end - 7 * 86400), FLEET_END_FAR);
    assert_int_equal(fleet_document_end(&doc, end - 7 * 86400 + 1), FLEET_END_WEEK);
    assert_int_equal(fleet_document_end(&doc, end - 86400), FLEET_END_WEEK);
    assert_int_equal(fleet_document_end(&doc, end - 86399), FLEET_END_DAY);
    assert_int_equal(fleet_document_end(&doc, end - 1), FLEET_END_DAY);
    assert_int_equal(fleet_document_end(&doc, end), FLEET_ENDED);
}

static void times_and_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t s;
    } times[] = {
        {"1970-01-01T00:00Z", 0},
        {"2000-02-29T23:59:59Z", 951868799},
        {"2026-12-01T00:00Z", DECEMBER},
        {"2100-03-01T00:00Z", INT64_C(4107542400)},
        {"2999-12-31T23:59:59Z", INT64_C(32503679999)},
    };
    static const char *const bad[] = {
        "",
        "Z",
        "2026-12-01",
        "2026-12-01T00:00",
        "2026-12-01T00:00z",
        "2026-12-01 00:00Z",
        "2026-12-01T24:00Z",
        "2026-12-01T00:60Z",
        "2026-12-01T00:00:60Z",
        "2026-13-01T00:00Z",
        "2026-00-01T00:00Z",
        "2026-12-00T00:00Z",
        "2100-02-29T00:00Z",
        "1969-12-31T00:00Z",
        "3000-01-01T00:00Z",
        "+026-12-01T00:00Z",
    };
    char out[FLEET_TIME_LEN];
    int64_t s;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_true(fleet_time_parse(times[i].text, strlen(times[i].text), &s));
        assert_int_equal(s, times[i].s);
        assert_int_equal(fleet_time_print(s, out, sizeof out), strlen(times[i].text));
        assert_string_equal(out, times[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(fleet_time_parse(bad[i], strlen(bad[i]), &s));
    static const uint32_t durations[] = {1, 59, 60, 3600, 86400, 7200, 172800, 3660};
    static const char *const printed[] = {"1s", "59s", "1m", "1h", "24h", "2h", "2d", "61m"};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        uint32_t again = 0;
        const size_t n = fleet_duration_print(durations[i], out, sizeof out);
        assert_string_equal(out, printed[i]);
        assert_true(fleet_duration_parse(out, n, FLEET_ROTATE_MAX_S, &again));
        assert_int_equal(again, durations[i]);
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_read),
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(each_fault_is_told_with_its_line),
        cmocka_unit_test(a_damaged_document_is_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_fingerprint_tells_keys_apart),
        cmocka_unit_test(the_end_is_seen_a_week_before),
        cmocka_unit_test(times_and_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
