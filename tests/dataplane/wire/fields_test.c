// The chain of extension fields and the authenticator's lengths.
#include "dataplane/wire/fields.h"
#include "dataplane/wire/ntp.h"
#include "tests/dataplane/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Walks a copy in an allocation of its own length.
static struct fields walk(const struct packet *packet)
{
    uint8_t *copy = malloc(packet->len);
    assert_non_null(copy);
    memcpy(copy, packet->at, packet->len);
    struct fields fields;
    fields_walk(copy, packet->len, &fields);
    free(copy);
    return fields;
}

// NTP-2, NTP-3: only (1 to 4, client), and (1, 0) from another port than 123.
static void requests_are_told_from_the_rest(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        unsigned version = ntp_version((uint8_t)first), mode = ntp_mode((uint8_t)first);
        assert_int_equal(version, first / 8 % 8);
        assert_int_equal(mode, first % 8);
        assert_int_equal(ntp_version_known(version), version >= 1 && version <= 4);
        assert_int_equal(ntp_is_request(version, mode, 40000),
                         mode == 3 || (version == 1 && mode == 0));
        assert_int_equal(ntp_is_request(version, mode, 123), mode == 3);
    }
}

// EF-1: lengths of 0 to 5, not a multiple of 4, or past the end break the chain.
static void a_malformed_length_breaks_the_chain(void **state)
{
    (void)state;
    static const uint16_t bad[] = {0, 1, 2, 3, 4, 5, 8, 12, 15, 17, 18, 30, 36, 65532, 65535};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct packet packet = packet_ntp(4, 3);
        packet_field_header(&packet, FIELD_UNIQUE_IDENTIFIER, bad[i]);
        packet_fill(&packet, 0, 28); // 32 octets of trailer in all
        assert_true(walk(&packet).broken);
    }
}

// EF-2: in the clear a field has 16 octets at least, and the last one 28; more octets are no MAC.
static void short_fields_need_others_behind_them(void **state)
{
    (void)state;
    struct packet packet = packet_ntp(4, 3);
    packet_field(&packet, 0x4242, 0, 12);
    struct packet alone = packet;
    assert_true(walk(&alone).broken);
    packet_field(&packet, FIELD_UNIQUE_IDENTIFIER, 7, 24);
    struct fields fields = walk(&packet);
    assert_false(fields.broken);
    assert_int_equal(fields.n_uid, 1);
    assert_int_equal(fields.uid.at, 64);
    assert_int_equal(fields.uid.len, 24);
}

// EF-3, EF-6: what is left behind the header or a field tells a MAC by its length.
static void a_mac_is_told_by_its_length(void **state)
{
    (void)state;
    for (unsigned after_field = 0; after_field < 2; after_field++) {
        for (uint32_t left = 4; left <= 28; left += 4) {
            for (unsigned octet = 0; octet < 2; octet++) {
                struct packet packet = packet_ntp(4, 3);
                if (after_field)
                    packet_field(&packet, FIELD_UNIQUE_IDENTIFIER, 1, 32);
                if (left < 28)
                    packet_fill(&packet, (uint8_t)octet, left);
                else
                    packet_field(&packet, 0x4242, (uint8_t)octet, 24);
                struct fields fields = walk(&packet);
                bool mac = left == 20 || left == 24 || (left == 4 && octet == 0);
                assert_int_equal(fields.mac, mac);
                assert_int_equal(fields.broken, !mac && left < 28);
            }
        }
    }
}

// EF-7: 32 fields are read and the 33rd is one too many.
static void the_number_of_fields_is_capped(void **state)
{
    (void)state;
    for (unsigned n = 31; n <= 34; n++) {
        struct packet packet = packet_ntp(4, 3);
        for (unsigned i = 1; i < n; i++)
            packet_field(&packet, 0x4242, 0, 12);
        packet_field(&packet, 0x4242, 0, 24);
        assert_int_equal(walk(&packet).broken, n > FIELDS_MAX);
    }
    struct packet longest = packet_ntp(4, 3); // 1452 octets of the smallest fields
    while (longest.len + 16 <= 1452)
        packet_field(&longest, 0x4242, 0, 12);
    assert_true(walk(&longest).broken);
}

// NTS-10: the order of the fields is free. NTS-9: only placeholders of the cookie's length count,
// whatever they hold. EF-4: unknown ones are passed over.
static void fields_are_found_in_any_order(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 6; turn++) {
        struct packet packet = packet_ntp(4, 3);
        for (unsigned i = 0; i < 6; i++) {
            switch ((i + turn) % 6) {
            case 0:
                packet_field(&packet, FIELD_UNIQUE_IDENTIFIER, 1, 32);
                break;
            case 1:
                packet_field(&packet, FIELD_COOKIE, 2, 100);
                break;
            case 2:
                packet_field(&packet, FIELD_COOKIE_PLACEHOLDER, 0xff, 100);
                break;
            case 3:
                packet_field(&packet, FIELD_COOKIE_PLACEHOLDER, 0, 104);
                break;
            case 4:
                packet_field(&packet, turn % 2 ? 0xffff : 0, 3, 16);
                break;
            case 5:
                packet_field(&packet, 0xf323, 4, 12);
                break;
            }
        }
        uint32_t end = packet.len;
        packet_authenticator(&packet, 16, 16, 0);
        struct fields fields = walk(&packet);
        assert_false(fields.broken || fields.mac);
        assert_int_equal(fields.n_uid, 1);
        assert_int_equal(fields.uid.len, 32);
        assert_int_equal(fields.n_cookies, 1);
        assert_int_equal(fields.cookie.len, 100);
        assert_int_equal(fields.n_placeholders, 1);
        assert_true(fields.has_authenticator);
        assert_int_equal(fields.authenticator.at, end); // NTS-1: associated data end here
    }
}

// Member by member: what lies between them is nobody's.
static void expect_same(const struct fields *a, const struct fields *b)
{
    assert_memory_equal(&a->uid, &b->uid, sizeof a->uid);
    assert_memory_equal(&a->cookie, &b->cookie, sizeof a->cookie);
    assert_memory_equal(&a->authenticator, &b->authenticator, sizeof a->authenticator);
    assert_int_equal(a->n_uid, b->n_uid);
    assert_int_equal(a->n_cookies, b->n_cookies);
    assert_int_equal(a->n_placeholders, b->n_placeholders);
    assert_memory_equal(&a->has_authenticator, &b->has_authenticator, 1);
    assert_int_equal(a->mac, b->mac);
    assert_int_equal(a->broken, b->broken);
    assert_int_equal(a->asks_id, b->asks_id);
}

// NTS-8, decision 4: nothing behind the first authenticator is read, a MAC and nonsense included.
static void nothing_behind_the_authenticator_counts(void **state)
{
    (void)state;
    struct packet packet = packet_ntp(4, 3);
    packet_field(&packet, FIELD_COOKIE, 2, 100);
    packet_authenticator(&packet, 16, 16, 0);
    struct fields wanted = walk(&packet);

    struct packet with = packet;
    packet_field(&with, FIELD_UNIQUE_IDENTIFIER, 1, 32);
    packet_field(&with, FIELD_COOKIE, 1, 100);
    packet_field(&with, FIELD_COOKIE_PLACEHOLDER, 1, 100);
    packet_authenticator(&with, 16, 16, 0);
    struct fields fields = walk(&with);
    expect_same(&fields, &wanted);
    for (uint32_t len = 4; len <= 40; len += 4) {
        with = packet;
        packet_fill(&with, 0xff, len);
        fields = walk(&with);
        expect_same(&fields, &wanted);
    }
}

static bool opens_for(const struct aead_lengths *aead, uint16_t nonce_len, uint16_t sealed_len,
                      uint16_t body_len, struct authenticator *a)
{
    struct field field = {.type = FIELD_AUTHENTICATOR, .at = 0, .len = body_len};
    uint8_t *bytes = calloc(1, 4u + body_len);
    assert_non_null(bytes);
    const uint8_t lengths[4] = {(uint8_t)(nonce_len >> 8), (uint8_t)nonce_len,
                                (uint8_t)(sealed_len >> 8), (uint8_t)sealed_len};
    memcpy(bytes + 4, lengths, body_len < 4 ? body_len : 4);
    bool ok = authenticator_open(bytes, &field, aead, a);
    free(bytes);
    return ok;
}

static bool opens(uint16_t nonce_len, uint16_t sealed_len, uint16_t body_len,
                  struct authenticator *a)
{
    return opens_for(&aead_lengths[AEAD_SIV_CMAC_256], nonce_len, sealed_len, body_len, a);
}

// NTS-3, NTS-4, NTS-5, NTS-6: every pair of lengths against the sentence of the RFC.
static void the_authenticators_lengths_are_held(void **state)
{
    (void)state;
    static const uint16_t odd[] = {0xffff, 0xfffe, 0xfffd, 0xfffc, 0x8000, 1000};
    struct authenticator a;
    for (uint16_t body = 0; body <= 96; body += 4) {
        for (unsigned n = 0; n < 70; n++) {
            for (unsigned s = 0; s < 70; s++) {
                uint16_t nonce = n < 64 ? (uint16_t)n : odd[n - 64];
                uint16_t sealed = s < 64 ? (uint16_t)s : odd[s - 64];
                uint32_t n_len = (nonce + 3u) / 4 * 4, s_len = (sealed + 3u) / 4 * 4;
                uint32_t more = n_len < 16 ? 16 - n_len : 0; // NTS-4: N_REQ - N_LEN
                bool wanted = nonce >= 1 && sealed >= 16 && 4 + n_len + s_len + more <= body;
                assert_int_equal(opens(nonce, sealed, body, &a), wanted);
                if (!wanted)
                    continue;
                assert_int_equal(a.nonce_at, 8);
                assert_int_equal(a.nonce_len, nonce);
                assert_int_equal(a.sealed_at, 8 + n_len);
                assert_int_equal(a.sealed_len, sealed);
            }
        }
    }
    assert_false(opens(0, 16, 36, &a)); // NTS-6: no nonce at all, even with room behind
    assert_true(opens(255, 16, 4 + 256 + 16, &a));
    assert_false(opens(255, 16, 4 + 256 + 12, &a)); // the four octets of lengths count
}

// NTS-3, NTS-4: the same of an AEAD whose nonces have one length and whose tag is another than
// ours.
static void each_aead_has_its_own_lengths(void **state)
{
    (void)state;
    const struct aead_lengths aead = {.nonce = 12, .nonce_least = 12, .nonce_most = 12, .tag = 8};
    struct authenticator a;
    for (uint16_t nonce = 0; nonce <= 20; nonce++)
        for (uint16_t sealed = 0; sealed <= 20; sealed++)
            assert_int_equal(opens_for(&aead, nonce, sealed, 60, &a), nonce == 12 && sealed >= 8);
    assert_true(opens_for(&aead, 12, 8, 4 + 12 + 8, &a)); // no room for 16 is asked for
    assert_int_equal(a.sealed_at, 20);
    assert_false(opens_for(&aead, 12, 8, 4 + 12 + 4, &a));

    const struct aead_lengths some = {.nonce = 12, .nonce_least = 4, .nonce_most = 12, .tag = 8};
    assert_true(opens_for(&some, 4, 8, 4 + 4 + 8 + 8, &a));
    assert_false(opens_for(&some, 4, 8, 4 + 4 + 8 + 4, &a));
}

// NTS-7: encrypted fields may have 4 octets, all in words, and no authenticator among them.
static void sealed_fields_are_counted(void **state)
{
    (void)state;
    uint32_t n = 99;
    struct packet plain = {.len = 0};
    assert_true(fields_count_sealed(plain.at, 0, 100, &n));
    assert_int_equal(n, 0);
    packet_field(&plain, FIELD_COOKIE_PLACEHOLDER, 0xff, 100);
    packet_field(&plain, FIELD_COOKIE_PLACEHOLDER, 0, 96);
    packet_field(&plain, 0x4242, 0, 0);
    packet_field(&plain, FIELD_COOKIE_PLACEHOLDER, 0, 100);
    assert_true(fields_count_sealed(plain.at, plain.len, 100, &n));
    assert_int_equal(n, 2);

    for (uint32_t len = 1; len < plain.len; len++) { // cut anywhere but between fields
        bool whole = len == 104 || len == 204 || len == 208;
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, plain.at, len);
        assert_int_equal(fields_count_sealed(copy, len, 100, &n), whole);
        free(copy);
    }
    packet_authenticator(&plain, 16, 16, 0);
    assert_false(fields_count_sealed(plain.at, plain.len, 100, &n));
}

// A request with the usual fields, of which some are then as they should not be.
static struct packet nearly_usual(unsigned *seed)
{
    struct packet packet = packet_ntp(4, 3);
    unsigned r[8];
    for (unsigned i = 0; i < 8; i++)
        r[i] = (*seed = *seed * 1103515245 + 12345) >> 16;
    packet_field(&packet, FIELD_UNIQUE_IDENTIFIER, 1, r[0] % 16 == 0 ? 28 : 32);
    packet_field(&packet, FIELD_COOKIE, 2, r[0] % 16 == 1 ? 104 : 100);
    for (unsigned i = 0; i < r[1] % 34; i++)
        packet_field(&packet, FIELD_COOKIE_PLACEHOLDER, 3, 100);
    if (r[0] % 16 == 2)
        packet_field(&packet, 0x4242, 0, 100);
    packet_authenticator(&packet, r[2] % 16 == 0 ? 15 : 16, r[2] % 16 == 1 ? 20 : 16,
                         r[2] % 16 == 2 ? 4 : 0);
    if (r[2] % 16 == 3)
        packet_fill(&packet, 0, 4 * (r[3] % 30));
    if (r[2] % 16 == 4)
        packet.len -= 4 * (r[3] % 30);
    if (r[4] % 2 == 0) { // anywhere, but rather in a header
        unsigned at =
            r[5] % 2 == 0 ? 48 + r[6] % (packet.len - 48) : 84 + r[6] % 8 * 104 + r[5] % 8;
        packet.at[at] ^= (uint8_t)(1 << r[7] % 8);
    }
    return packet;
}

// The short way says nothing, or what the whole walk says. NTS-8, NTS-9, EF-7.
static void the_usual_layout_is_walked_alike(void **state)
{
    (void)state;
    unsigned seed = 1, usual = 0;
    for (unsigned i = 0; i < 100000; i++) {
        struct packet packet = nearly_usual(&seed);
        uint8_t *copy = malloc(packet.len);
        assert_non_null(copy);
        memcpy(copy, packet.at, packet.len);
        struct fields fields, wanted, none;
        struct authenticator a, a_wanted, a_none;
        memset(&none, 0x5a, sizeof none);
        memset(&a_none, 0x5a, sizeof a_none);
        fields = none;
        a = a_none;
        fields_walk(copy, packet.len, &wanted);
        if (fields_usual(copy, packet.len, &fields, &a)) {
            usual++;
            expect_same(&fields, &wanted);
            assert_true(authenticator_open(copy, &wanted.authenticator,
                                           &aead_lengths[AEAD_SIV_CMAC_256], &a_wanted));
            assert_memory_equal(&a, &a_wanted, sizeof a);
        } else {
            expect_same(&fields, &none);
            assert_memory_equal(&a, &a_none, sizeof a);
        }
        free(copy);
    }
    assert_in_range(usual, 40000, 70000);

    // It does know all that it should: eight cookies, and as many as there can be.
    for (unsigned n = 0; n <= FIELDS_MAX; n++) {
        struct packet packet = packet_ntp(4, 3);
        packet_field(&packet, FIELD_UNIQUE_IDENTIFIER, 1, 32);
        packet_field(&packet, FIELD_COOKIE, 2, 100);
        for (unsigned i = 0; i < n; i++)
            packet_field(&packet, FIELD_COOKIE_PLACEHOLDER, 3, 100);
        packet_authenticator(&packet, 16, 16, 0);
        struct fields fields;
        struct authenticator a;
        assert_int_equal(fields_usual(packet.at, packet.len, &fields, &a), n + 3 <= FIELDS_MAX);
    }
}

static void a_broken_cursor_stays_broken(void **state)
{
    (void)state;
    struct packet plain = {.len = 0};
    packet_field_header(&plain, 0x4242, 5);
    packet_fill(&plain, 0, 40);
    struct field_cursor cursor = field_cursor_over(plain.at, 0, plain.len, FIELD_SEALED_MIN);
    struct field field;
    assert_false(field_next(&cursor, &field));
    assert_true(cursor.broken);
    cursor.at = 4; // where a field of no length could be read
    assert_false(field_next(&cursor, &field));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_told_from_the_rest),
        cmocka_unit_test(a_malformed_length_breaks_the_chain),
        cmocka_unit_test(short_fields_need_others_behind_them),
        cmocka_unit_test(a_mac_is_told_by_its_length),
        cmocka_unit_test(the_number_of_fields_is_capped),
        cmocka_unit_test(fields_are_found_in_any_order),
        cmocka_unit_test(nothing_behind_the_authenticator_counts),
        cmocka_unit_test(the_authenticators_lengths_are_held),
        cmocka_unit_test(each_aead_has_its_own_lengths),
        cmocka_unit_test(sealed_fields_are_counted),
        cmocka_unit_test(the_usual_layout_is_walked_alike),
        cmocka_unit_test(a_broken_cursor_stays_broken),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
