// The keys of a fleet, against vectors of another implementation: Python's hashlib and hmac, with
// HKDF written from RFC 5869.
#include "fleet/derive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400, DECEMBER_1 = 20788, JANUARY_1 = 20819 };

// December 2026 with the secret 00, 01, 02 ...; January 2027 with 20, 21, 22 ...
static struct fleet_document december_and_january(void)
{
    struct fleet_document doc = {.serial = 1, .rotate_s = DAY_S, .n_spans = 2};
    doc.span[0].from_s = (int64_t)DECEMBER_1 * DAY_S;
    doc.span[0].until_s = doc.span[1].from_s = (int64_t)JANUARY_1 * DAY_S;
    doc.span[1].until_s = (int64_t)(JANUARY_1 + 31) * DAY_S;
    for (unsigned i = 0; i < FLEET_SECRET_LEN; i++) {
        doc.span[0].secret[i] = (uint8_t)i;
        doc.span[1].secret[i] = (uint8_t)(FLEET_SECRET_LEN + i);
    }
    return doc;
}

static void text_of(const uint8_t *octets, char out[2 * FLEET_SECRET_LEN + 1])
{
    for (unsigned i = 0; i < FLEET_SECRET_LEN; i++)
        snprintf(out + 2 * i, 3, "%02x", octets[i]);
}

static void keys_are_those_of_the_vectors(void **state)
{
    (void)state;
    static const struct {
        int64_t period;
        uint32_t id;
        const char *secret;
    } rows[] = {
        {DECEMBER_1, 0x626eff28,
         "0378255f861ae74fb26df326a545aa602dab12184e7fc9a02de1fc5546bf56a4"},
        {JANUARY_1 - 1, 0x8767a305,
         "addb233dbd8af0a5da3a0b42e9b2bfebc5e5309b4ce1e81c3a8e2bc14ff4d69d"},
        {JANUARY_1, 0x31e2e2c7, "10b1d898fbb81dd082fc6a07e99f28735b78ddfe3450788922119821b0ed9ab6"},
        {JANUARY_1 + 1, 0xefe4cc69,
         "9c5daaddbbbe6549f349edf7b5b5edb54445c33508c18701266c0ea0b08f4503"},
    };
    const struct fleet_document doc = december_and_january();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fleet_key key;
        uint32_t id;
        char text[2 * FLEET_SECRET_LEN + 1];
        assert_true(fleet_derive_key(&doc, rows[i].period, &key));
        assert_true(fleet_derive_id(&doc, rows[i].period, &id));
        assert_int_equal(key.id, rows[i].id);
        assert_int_equal(id, rows[i].id);
        text_of(key.secret, text);
        assert_string_equal(text, rows[i].secret);
    }
}

static void a_spans_secret_is_that_of_the_vector(void **state)
{
    (void)state;
    struct fleet_document doc = december_and_january();
    uint8_t root[32];
    char text[2 * FLEET_SECRET_LEN + 1];
    for (unsigned i = 0; i < sizeof root; i++)
        root[i] = (uint8_t)(255 - i);
    assert_true(fleet_derive_span(root, sizeof root, &doc.span[1]));
    text_of(doc.span[1].secret, text);
    assert_string_equal(text, "ad7403a011431de1d1b5f13f2d9faff2c0ea75871daea26d1f27ab036416bff5");
}

// A period belongs to the span in which it begins, whatever the length of a period is.
static void a_period_belongs_to_the_span_in_which_it_begins(void **state)
{
    (void)state;
    struct fleet_document doc = december_and_january();
    assert_int_equal(fleet_period_first(&doc), DECEMBER_1);
    assert_int_equal(fleet_period_last(&doc), JANUARY_1 + 30);
    assert_int_equal(fleet_period(&doc, doc.span[1].from_s - 1), JANUARY_1 - 1);
    assert_int_equal(fleet_period(&doc, doc.span[1].from_s), JANUARY_1);
    assert_int_equal(fleet_period_begins(&doc, JANUARY_1), doc.span[1].from_s);

    // A boundary within a period: the period is the earlier span's.
    struct fleet_key first, second;
    doc.span[0].until_s = ++doc.span[1].from_s;
    assert_true(fleet_derive_key(&doc, JANUARY_1, &first));
    memcpy(doc.span[1].secret, doc.span[0].secret, FLEET_SECRET_LEN);
    assert_true(fleet_derive_key(&doc, JANUARY_1, &second));
    assert_memory_equal(&first, &second, sizeof first);

    doc.span[0].from_s++;
    assert_int_equal(fleet_period_first(&doc), DECEMBER_1 + 1);
    doc.span[1].until_s++;
    assert_int_equal(fleet_period_last(&doc), JANUARY_1 + 31);
}

// Sixteen periods in a row never have two ids that differ in the lowest bit alone or not at all,
// also where the secret changes.
static void ids_in_a_row_differ(void **state)
{
    (void)state;
    struct fleet_document doc = december_and_january();
    uint32_t last[16] = {0};
    doc.rotate_s = 60;
    const int64_t from = fleet_period_begins(&doc, doc.span[1].from_s / 60 / 60) - 20000;
    for (int64_t p = from; p < from + 40000; p++) {
        uint32_t *mine = &last[p & 15];
        assert_true(fleet_derive_id(&doc, p, mine));
        for (unsigned i = 0; i < 16; i++)
            assert_true(mine == &last[i] || (*mine | 1) != (last[i] | 1));
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_of_the_vectors),
        cmocka_unit_test(a_spans_secret_is_that_of_the_vector),
        cmocka_unit_test(a_period_belongs_to_the_span_in_which_it_begins),
        cmocka_unit_test(ids_in_a_row_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
