// The octets of requests, read here with offsets of the RFCs' own, and sealed by an AES-SIV that is
// not ours.
#include "perf/load/request.h"

#include "base/bytes.h"
#include "crypto/client_lanes.h"
#include "dataplane/wire/fields.h"
#include "dataplane/wire/ntp.h"
#include "perf/load/window.h"
#include "tests/client/octets.h"
#include "tests/client/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { UID_AT = 48, COOKIE_AT = 48 + 36 };

static uint8_t at[2048], uid[WINDOW_UID_LEN], cookie[256], key[SEAL_KEY_LEN];

// A header that tells nothing but the version, the mode and a random transmit timestamp.
static void check_header(uint64_t transmit)
{
    uint8_t expected[48] = {0x23};
    be64_put(expected + 40, transmit);
    assert_memory_equal(at, expected, 48);
}

static void plain(void **state)
{
    (void)state;
    memset(at, 0xee, sizeof at);
    assert_int_equal(request_plain(at, UINT64_C(0x1122334455667788), 0), 48);
    check_header(UINT64_C(0x1122334455667788));
    assert_int_equal(at[48], 0xee);
}

// RFC 9769: origin is the server's receive timestamp; receive differs from transmit (IL-1).
static void interleaved(void **state)
{
    (void)state;
    uint64_t transmit = UINT64_C(0x1122334455667788);
    assert_int_equal(request_plain(at, transmit, UINT64_C(0xaabbccdd00112233)), 48);
    assert_true(be64_get(at + 24) == UINT64_C(0xaabbccdd00112233));
    assert_true(be64_get(at + 32) == (transmit ^ REQUEST_INTERLEAVED_MARK));
    assert_true(be64_get(at + 40) == transmit);
    // The mark is outside of a place in the window, so that both timestamps find the slot.
    assert_true(REQUEST_INTERLEAVED_MARK >> WINDOW_BITS_MAX != 0);
}

static const struct aead_lengths *const aead = &aead_lengths[AEAD_SIV_CMAC_256];

static void seal(uint16_t covered, uint8_t *nonce, uint8_t *tag)
{
    struct client_lanes lanes = {0};
    octets_random(nonce, aead->nonce);
    lanes.key[3] = key;
    lanes.ad[3] = at;
    lanes.ad_len[3] = covered;
    lanes.nonce[3] = nonce;
    lanes.tag[3] = tag;
    client_variant_named(AEAD_SIV_CMAC_256, "auto")->seal(&lanes, lane_bit(3));
}

static void check_nts(uint32_t cookie_len, unsigned n)
{
    memset(at, 0xee, sizeof at);
    octets_random(uid, sizeof uid);
    octets_random(cookie, sizeof cookie);
    octets_random(key, sizeof key);
    uint16_t covered = request_nts(at, 7, uid, cookie, cookie_len, n, aead);
    uint32_t whole = request_nts_len(cookie_len, n, aead);
    assert_int_equal(covered, 48 + 36 + (1 + n) * (4 + cookie_len));
    assert_int_equal(whole, covered + 40);
    assert_int_equal(at[whole], 0xee);
    seal(covered, at + covered + REQUEST_NONCE_AT, at + covered + REQUEST_NONCE_AT + aead->nonce);

    check_header(7);
    assert_int_equal(be16_get(at + UID_AT), 0x0104);
    assert_int_equal(be16_get(at + UID_AT + 2), 36);
    assert_memory_equal(at + UID_AT + 4, uid, 32);
    assert_int_equal(be16_get(at + COOKIE_AT), 0x0204);
    assert_int_equal(be16_get(at + COOKIE_AT + 2), 4 + cookie_len);
    assert_memory_equal(at + COOKIE_AT + 4, cookie, cookie_len);
    for (unsigned i = 1; i <= n; i++) { // NTS-9: as long as the cookie, and zero (section 5.5)
        const uint8_t *field = at + COOKIE_AT + i * (4 + cookie_len);
        assert_int_equal(be16_get(field), 0x0304);
        assert_int_equal(be16_get(field + 2), 4 + cookie_len);
        for (uint32_t k = 0; k < cookie_len; k++)
            assert_int_equal(field[4 + k], 0);
    }
    const uint8_t *end = at + covered;
    assert_int_equal(be16_get(end), 0x0404);
    assert_int_equal(be16_get(end + 2), 40);
    assert_int_equal(be16_get(end + 4), 16);
    assert_int_equal(be16_get(end + 6), 16);
    // NTS-1: the tag covers all that stands before the authenticator, and nothing of it.
    assert_true(seal_open(key, at, covered, end + 8, 16, end + 24, 16, NULL));
    assert_false(seal_open(key, at, covered + 4U, end + 8, 16, end + 24, 16, NULL));
    assert_false(seal_open(key, at, covered - 4U, end + 8, 16, end + 24, 16, NULL));
}

static void nts_of_every_shape(void **state)
{
    (void)state;
    static const uint32_t lens[] = {16, 64, 68, 96, 100, 104, 164};
    for (unsigned i = 0; i < sizeof lens / sizeof *lens; i++)
        for (unsigned n = 0; n < 8; n++)
            check_nts(lens[i], n);
}

static void every_bit_is_covered(void **state)
{
    (void)state;
    check_nts(100, 2);
    uint16_t covered = 48 + 36 + 3 * 104;
    const uint8_t *end = at + covered;
    for (unsigned bit = 0; bit < covered * 8U; bit++) {
        at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(seal_open(key, at, covered, end + 8, 16, end + 24, 16, NULL));
        at[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

// What a server's own walk says of a request.
static void a_server_reads_it(void **state)
{
    (void)state;
    struct fields fields;
    struct authenticator a;
    check_nts(100, 5);
    fields_walk(at, request_nts_len(100, 5, aead), &fields);
    assert_true(!fields.broken && !fields.mac && fields.has_authenticator);
    assert_int_equal(fields.n_uid, 1);
    assert_int_equal(fields.n_cookies, 1);
    assert_int_equal(fields.n_placeholders, 5);
    assert_true(authenticator_open(at, &fields.authenticator, aead, &a));
    assert_true(a.nonce_len == 16 && a.sealed_len == 16);
}

static void garbage_is_garbage(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t random[64];
        struct fields fields;
        octets_random(random, sizeof random);
        memset(at, 0xee, sizeof at);
        uint16_t len = request_garbage(at, i, random);
        check_header(i);
        assert_int_equal(len % 4, 0);
        assert_int_equal(at[len], 0xee);
        fields_walk(at, len, &fields);
        assert_true(fields.broken && !fields.mac);
    }
}

int main(void)
{
    octets_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(interleaved),
        cmocka_unit_test(nts_of_every_shape),
        cmocka_unit_test(every_bit_is_covered),
        cmocka_unit_test(a_server_reads_it),
        cmocka_unit_test(garbage_is_garbage),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
