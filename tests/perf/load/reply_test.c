// The checks of replies: for each check, a reply that fails it and similar replies that pass it.
#include "perf/load/reply.h"

#include "base/bytes.h"
#include "perf/load/client.h"
#include "perf/load/request.h"
#include "tests/client/octets.h"
#include "tests/client/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OUR_COOKIE_LEN = 100, NTSN = 0x4e54534e };

static struct slot slot;
static uint8_t s2c[SEAL_KEY_LEN];
static struct packet p;
static struct reply reply;

static void start(unsigned leap, unsigned stratum, uint32_t id)
{
    packet_start(&p, 4, 4);
    p.at[0] |= (uint8_t)(leap << 6);
    p.at[1] = (uint8_t)stratum;
    be32_put(p.at + 12, id);
    be64_put(p.at + 24, slot.transmit);
    be64_put(p.at + 32, UINT64_C(0xe000000000000000));
    be64_put(p.at + 40, UINT64_C(0xe000000000001000));
}

static void seal_cookies(unsigned n, size_t cookie_len)
{
    struct packet inner = {.len = 0};
    uint8_t fresh[256];
    struct seal_shape shape = packet_authenticator_plain();
    for (unsigned i = 0; i < n; i++) {
        octets_random(fresh, cookie_len);
        packet_field(&inner, EF_COOKIE, fresh, cookie_len);
    }
    packet_authenticate(&p, &shape, s2c, inner.at, inner.len);
}

// As our own server answers a request for n cookies.
static void right_nts(unsigned n)
{
    slot.asked = n & 15;
    slot.len = (uint16_t)request_nts_len(OUR_COOKIE_LEN, n - 1, &aead_lengths[AEAD_SIV_CMAC_256]);
    start(0, 1, 0x47505300);
    packet_field(&p, EF_UNIQUE_ID, slot.uid, WINDOW_UID_LEN);
    seal_cookies(n, OUR_COOKIE_LEN);
}

static void right_plain(void)
{
    slot.len = 48;
    start(0, 2, 0x0a000001);
}

static void kiss_with_uid(uint32_t code)
{
    slot.len = (uint16_t)request_nts_len(OUR_COOKIE_LEN, 0, &aead_lengths[AEAD_SIV_CMAC_256]);
    start(3, 0, code);
    packet_field(&p, EF_UNIQUE_ID, slot.uid, WINDOW_UID_LEN);
}

static enum tally_item verdict(bool nts)
{
    return reply_examine(p.at, (uint32_t)p.len, &slot, nts ? aead_rows : NULL, &reply);
}

#define expect(nts, item) assert_int_equal(verdict(nts), item)

static int setup(void **state)
{
    (void)state;
    octets_random(&slot.transmit, sizeof slot.transmit);
    octets_random(slot.uid, sizeof slot.uid);
    octets_random(s2c, sizeof s2c);
    return 0;
}

static void lengths(void **state)
{
    (void)state;
    for (uint32_t len = 0; len < 200; len++)
        assert_int_equal(reply_has_length(len), len >= 48 && len % 4 == 0);
    right_nts(1);
    assert_int_equal(p.len, slot.len); // RSP-7: just as long
    expect(true, TALLY_ANSWERED);
    packet_raw(&p, NULL, 4);
    expect(true, TALLY_WRONG_LENGTH);
    right_plain();
    packet_raw(&p, NULL, 4);
    expect(false, TALLY_WRONG_LENGTH);
    right_nts(8);
    expect(true, TALLY_ANSWERED);
    slot.len -= 4;
    expect(true, TALLY_WRONG_LENGTH);
}

static void right_ones(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 8; n++) {
        right_nts(n);
        expect(true, TALLY_ANSWERED);
        assert_true(reply.sealed && !reply.interleaved);
        assert_int_equal(reply.covered, 48 + 36);
        assert_int_equal(reply.seal.nonce_at, 48 + 36 + 8);
        assert_int_equal(reply.seal.sealed_at, 48 + 36 + 8 + 16);
        assert_int_equal(reply.seal.sealed_len, 16 + n * (4 + OUR_COOKIE_LEN));
        assert_true(reply.receive == UINT64_C(0xe000000000000000));
        assert_true(reply.transmit == UINT64_C(0xe000000000001000));
    }
    right_plain();
    expect(false, TALLY_ANSWERED);
    assert_false(reply.sealed);
}

static void headers(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        right_plain();
        p.at[0] = (uint8_t)first;
        expect(false, (first & 63) == 0x24 ? TALLY_ANSWERED : TALLY_WRONG_HEADER);
    }
    for (unsigned stratum = 1; stratum < 256; stratum++) {
        right_plain();
        p.at[1] = (uint8_t)stratum;
        expect(false, stratum < 16 ? TALLY_ANSWERED : TALLY_WRONG_HEADER);
    }
    // NTP-4: a server without a clock says stratum 0 with leap 3, and no kiss code.
    for (unsigned leap = 0; leap < 4; leap++) {
        start(leap, 0, 0);
        expect(false, leap == 3 ? TALLY_ANSWERED : TALLY_WRONG_HEADER);
    }
}

static void kisses(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        enum tally_item item;
    } rows[] = {{0x52415445, TALLY_KISS_RATE},
                {0x44454e59, TALLY_KISS_DENY},
                {0x52535452, TALLY_KISS_RSTR},
                {0x494e4954, TALLY_KISS_OTHER},
                {0x52415446, TALLY_KISS_OTHER},
                {1, TALLY_KISS_OTHER},
                {NTSN, TALLY_NAK}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        kiss_with_uid(rows[i].code);
        expect(true, rows[i].item);
        // At stratum 1 it is a clock's name.
        right_plain();
        be32_put(p.at + 12, rows[i].code);
        expect(false, TALLY_ANSWERED);
        p.at[1] = 0;
        expect(false, rows[i].item);
        // To an NTS request a kiss without the identifier is anybody's.
        slot.len = 228;
        expect(true, TALLY_WRONG_IDENTIFIER);
    }
    // Its timestamps are not looked at (NTP-5).
    kiss_with_uid(NTSN);
    memset(p.at + 32, 0, 16);
    expect(true, TALLY_NAK);
}

// NAK-1: a NAK has neither cookie nor authenticator; RATE under a seal is one that is believed.
static void sealed_kisses(void **state)
{
    (void)state;
    kiss_with_uid(NTSN);
    seal_cookies(0, OUR_COOKIE_LEN);
    expect(true, TALLY_WRONG_FIELDS);
    kiss_with_uid(0x52415445);
    seal_cookies(0, OUR_COOKIE_LEN);
    expect(true, TALLY_KISS_RATE);
    uint8_t cookie[OUR_COOKIE_LEN] = {0};
    kiss_with_uid(NTSN);
    packet_field(&p, EF_COOKIE, cookie, sizeof cookie);
    expect(true, TALLY_WRONG_FIELDS);
    kiss_with_uid(NTSN);
    p.at[60] ^= 1;
    expect(true, TALLY_WRONG_IDENTIFIER);
}

static void times(void **state)
{
    (void)state;
    static const struct {
        uint64_t receive, transmit;
        bool right;
    } rows[] = {{1, 2, true},           {1, 1, true},
                {2, 1, false},          {0, 2, false},
                {2, 0, false},          {0, 0, false},
                {UINT64_MAX, 1, true}, // across the era (NTP-8)
                {1, UINT64_MAX, false}, {1, UINT64_C(1) << 63, true}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned nts = 0; nts < 2; nts++) {
            if (nts)
                right_nts(1);
            else
                right_plain();
            be64_put(p.at + 32, rows[i].receive);
            be64_put(p.at + 40, rows[i].transmit);
            expect(nts, rows[i].right ? TALLY_ANSWERED : TALLY_WRONG_TIME);
        }
    // In interleaved mode the transmit timestamp is of the reply before (IL-2).
    right_plain();
    be64_put(p.at + 24, slot.transmit ^ REQUEST_INTERLEAVED_MARK);
    be64_put(p.at + 32, 9);
    be64_put(p.at + 40, 5);
    expect(false, TALLY_ANSWERED);
    assert_true(reply.interleaved);
    be64_put(p.at + 40, 0);
    expect(false, TALLY_WRONG_TIME);
}

static void fields(void **state)
{
    (void)state;
    static const uint8_t zeros[256];
    // A reply to a plain request has none, not even an identifier that nobody sent.
    right_plain();
    packet_field(&p, EF_UNIQUE_ID, slot.uid, 32);
    slot.len = 200;
    expect(false, TALLY_WRONG_FIELDS);
    // No authenticator; the header alone; an authenticator that is cut off; half of the identifier.
    right_nts(1);
    p.len = 48 + 36;
    expect(true, TALLY_WRONG_UNAUTHENTICATED);
    p.len = 48;
    expect(true, TALLY_WRONG_UNAUTHENTICATED);
    for (size_t len = 48 + 4; len < 228; len += 4) {
        right_nts(1);
        p.len = len;
        expect(true, len == 48 + 36 ? TALLY_WRONG_UNAUTHENTICATED : TALLY_WRONG_TRUNCATED);
    }
    // Two identifiers; none; another's; a shorter one that begins alike; a longer one.
    slot.len = 1000;
    start(0, 1, 1);
    packet_field(&p, EF_UNIQUE_ID, slot.uid, 32);
    packet_field(&p, EF_UNIQUE_ID, slot.uid, 32);
    seal_cookies(1, OUR_COOKIE_LEN);
    expect(true, TALLY_WRONG_FIELDS);
    start(0, 1, 1);
    seal_cookies(1, OUR_COOKIE_LEN);
    expect(true, TALLY_WRONG_IDENTIFIER);
    for (size_t len = 28; len <= 36; len += 4) {
        uint8_t uid[36] = {0};
        memcpy(uid, slot.uid, 32);
        start(0, 1, 1);
        packet_field(&p, EF_UNIQUE_ID, uid, len);
        seal_cookies(1, OUR_COOKIE_LEN);
        expect(true, len == 32 ? TALLY_ANSWERED : TALLY_WRONG_IDENTIFIER);
    }
    for (unsigned bit = 0; bit < 256; bit++) {
        right_nts(1);
        p.at[52 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        expect(true, TALLY_WRONG_IDENTIFIER);
    }
    // RSP-3: no cookie in the clear.
    slot.len = 1000;
    start(0, 1, 1);
    packet_field(&p, EF_UNIQUE_ID, slot.uid, 32);
    packet_field(&p, EF_COOKIE, zeros, OUR_COOKIE_LEN);
    seal_cookies(1, OUR_COOKIE_LEN);
    expect(true, TALLY_WRONG_FIELDS);
    // A MAC behind the header.
    start(0, 1, 1);
    packet_raw(&p, zeros, 20);
    expect(true, TALLY_WRONG_TRUNCATED);
}

static void authenticators(void **state)
{
    (void)state;
    static const struct {
        int nonce, cipher;
        enum tally_item item;
    } rows[] = {{16, 120, TALLY_ANSWERED},
                {16, 121, TALLY_WRONG_TRUNCATED},
                {17, 120, TALLY_WRONG_TRUNCATED},
                {0, 120, TALLY_WRONG_TRUNCATED},
                {16, 15, TALLY_WRONG_TRUNCATED},
                {16, 16, TALLY_ANSWERED},
                {65535, 16, TALLY_WRONG_TRUNCATED},
                {16, 65535, TALLY_WRONG_TRUNCATED},
                {65535, 65535, TALLY_WRONG_TRUNCATED}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        right_nts(1);
        be16_put(p.at + 48 + 36 + 4, (uint16_t)rows[i].nonce);
        be16_put(p.at + 48 + 36 + 6, (uint16_t)rows[i].cipher);
        expect(true, rows[i].item);
    }
}

// Whatever comes gets a verdict and nothing beyond its end is read (under the sanitizers).
static void noise(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        right_nts(1 + i % 8);
        for (unsigned k = 0; k < 1 + i % 3; k++) {
            uint32_t at;
            octets_random(&at, sizeof at);
            octets_random(p.at + at % p.len, 1 + at % 2);
        }
        uint32_t len = i % 4 ? (uint32_t)p.len : (uint32_t)(48 + i % ((p.len - 48) / 4 + 1) * 4);
        uint8_t *exact = malloc(len);
        memcpy(exact, p.at, len);
        assert_true(reply_examine(exact, len, &slot, i % 5 != 0 ? aead_rows : NULL, &reply) <
                    TALLY_ITEMS);
        assert_true(!reply.sealed || reply.seal.sealed_at + reply.seal.sealed_len <= len);
        free(exact);
    }
}

static bool cookies_of(const struct packet *plain, unsigned asked, unsigned *n)
{
    const uint8_t *cookie[CLIENT_JAR];
    bool good = reply_cookies(plain->at, (uint32_t)plain->len, OUR_COOKIE_LEN, asked, cookie, n);
    for (unsigned i = 0; good && i < *n; i++)
        assert_int_equal(cookie[i][0], i + 1);
    return good;
}

static void add(struct packet *plain, unsigned type, uint8_t first, size_t len)
{
    uint8_t body[256] = {first};
    packet_field(plain, (uint16_t)type, body, len);
}

static void sealed_cookies(void **state)
{
    (void)state;
    unsigned n;
    for (unsigned sent = 0; sent <= 10; sent++)
        for (unsigned asked = 1; asked <= 8; asked++) {
            struct packet plain = {.len = 0};
            for (unsigned i = 0; i < sent; i++)
                add(&plain, EF_COOKIE, (uint8_t)(i + 1), OUR_COOKIE_LEN);
            bool right = sent > 0 && sent <= asked;
            assert_int_equal(cookies_of(&plain, asked, &n), right);
            assert_true(!right || n == sent);
        }
    struct packet plain = {.len = 0};
    add(&plain, 0x7777, 9, 0); // other fields are let pass (RSP-11), as short as four octets
    add(&plain, EF_COOKIE, 1, OUR_COOKIE_LEN);
    add(&plain, 0x7777, 9, 20);
    assert_true(cookies_of(&plain, 1, &n) && n == 1);
    packet_raw(&plain, NULL, 4); // a field of length 0
    assert_false(cookies_of(&plain, 1, &n));
    for (size_t len = OUR_COOKIE_LEN - 4; len <= OUR_COOKIE_LEN + 4; len += 4) {
        plain.len = 0;
        add(&plain, EF_COOKIE, 1, OUR_COOKIE_LEN);
        add(&plain, EF_COOKIE, 2, len);
        assert_int_equal(cookies_of(&plain, 2, &n), len == OUR_COOKIE_LEN);
    }
    plain.len = 100; // cut off within the cookie
    assert_false(cookies_of(&plain, 8, &n));
}

int main(void)
{
    octets_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lengths, setup),       cmocka_unit_test_setup(right_ones, setup),
        cmocka_unit_test_setup(headers, setup),       cmocka_unit_test_setup(kisses, setup),
        cmocka_unit_test_setup(sealed_kisses, setup), cmocka_unit_test_setup(times, setup),
        cmocka_unit_test_setup(fields, setup),        cmocka_unit_test_setup(authenticators, setup),
        cmocka_unit_test_setup(noise, setup),         cmocka_unit_test_setup(sealed_cookies, setup),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
