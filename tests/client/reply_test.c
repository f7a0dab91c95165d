// Tests of the test client: packets that it must build exactly, replies that it must refuse. A
// checker that accepts everything would prove nothing.
#include "tests/client/octets.h"
#include "tests/client/shape.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t c2s[SEAL_KEY_LEN], s2c[SEAL_KEY_LEN], cookie[100];

static void make(const char *fields, const char *inner, struct packet *p, struct ask *ask)
{
    struct shape shape = shape_plain();
    octets_random(c2s, sizeof c2s);
    octets_random(s2c, sizeof s2c);
    octets_random(cookie, sizeof cookie);
    shape.fields = fields;
    shape.inner = inner;
    shape.c2s = c2s;
    shape.s2c = s2c;
    shape.cookie = cookie;
    shape.cookie_len = sizeof cookie;
    assert_true(shape_build(&shape, p, ask));
}

// A right reply to p with n cookies, sealed under key.
static void answer(const struct packet *p, const struct ask *ask, unsigned n, const uint8_t *key,
                   struct packet *out)
{
    packet_start(out, 4, 4);
    out->at[1] = 1;
    memcpy(out->at + 24, p->at + 40, 8);
    be64_put(out->at + 32, 1000);
    be64_put(out->at + 40, 2000);
    packet_field(out, EF_UNIQUE_ID, ask->uid, ask->uid_len);
    struct packet inner = {.len = 0};
    uint8_t fresh[100];
    for (unsigned i = 0; i < n; i++) {
        octets_random(fresh, sizeof fresh);
        packet_field(&inner, EF_COOKIE, fresh, sizeof fresh);
    }
    struct seal_shape shape = packet_authenticator_plain();
    packet_authenticate(out, &shape, key, inner.at, inner.len);
}

// Rule RFC 5297 App. A is Nettle's own; here the shape of NTS: the checklist's SIV-3.
static void seals_as_rfc_5297(void **state)
{
    (void)state;
    uint8_t key[32], ad[84], nonce[16], out[16], want[16];
    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    memset(ad, 7, sizeof ad);
    memset(nonce, 9, sizeof nonce);
    seal_close(key, ad, sizeof ad, nonce, sizeof nonce, NULL, 0, out);
    assert_int_equal(octets_from_hex("436421ea557c0ffa65760a134f09ce5f", want, 16), 16);
    assert_memory_equal(out, want, 16);
    assert_true(seal_open(key, ad, sizeof ad, nonce, sizeof nonce, out, 16, NULL));
    for (unsigned bit = 0; bit < 128; bit++) { // SIV-4
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(seal_open(key, ad, sizeof ad, nonce, sizeof nonce, out, 16, NULL));
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void builds_the_common_shapes(void **state)
{
    (void)state;
    struct packet p;
    struct ask ask;
    make("uid,cookie,auth", "", &p, &ask);
    assert_int_equal(p.len, 228);
    assert_int_equal(ask.cookies_asked, 1);
    make("uid,cookie,ph*7,auth", "", &p, &ask);
    assert_int_equal(p.len, 956);
    assert_int_equal(ask.cookies_asked, 8);
    make("uid,cookie,auth", "ph*2", &p, &ask);
    assert_int_equal(p.len, 436);
    assert_int_equal(ask.cookies_asked, 3);
    make("uid,cookie,auth,ph*3,uid:48", "", &p, &ask);
    assert_int_equal(ask.cookies_asked, 1);
    assert_int_equal(ask.uid_len, 32);
}

static void accepts_a_right_reply(void **state)
{
    (void)state;
    struct packet p, out;
    struct ask ask;
    static struct reply r;
    make("uid,cookie,ph*7,auth", "", &p, &ask);
    answer(&p, &ask, 8, s2c, &out);
    reply_read(&ask, out.at, out.len, &r);
    assert_string_equal(r.why, "");
    assert_int_equal(r.kind, REPLY_AUTHENTICATED);
    assert_int_equal(r.n_cookies, 8);
}

// Every flipped bit of a reply is noticed: the seal covers all but the authenticator's own header,
// and that must be exact.
static void refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct packet p, out;
    struct ask ask;
    static struct reply r;
    make("uid,cookie,auth", "", &p, &ask);
    answer(&p, &ask, 1, s2c, &out);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        reply_read(&ask, out.at, out.len, &r);
        assert_int_not_equal(r.kind, REPLY_AUTHENTICATED);
        out.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    struct packet p, out;
    struct ask ask;
    static struct reply r;
    make("uid,cookie,auth", "", &p, &ask);

    answer(&p, &ask, 1, c2s, &out); // NTS-2
    reply_read(&ask, out.at, out.len, &r);
    assert_string_equal(r.why, "the seal is wrong");

    answer(&p, &ask, 0, s2c, &out); // RSP-3
    reply_read(&ask, out.at, out.len, &r);
    assert_string_equal(r.why, "no cookie");

    answer(&p, &ask, 2, s2c, &out); // RSP-7
    reply_read(&ask, out.at, out.len, &r);
    assert_string_equal(r.why, "longer than the request");

    make("uid,cookie,ef:f323:104,auth", "", &p, &ask);
    answer(&p, &ask, 2, s2c, &out); // RSP-3
    reply_read(&ask, out.at, out.len, &r);
    assert_string_equal(r.why, "more cookies than asked for");

    answer(&p, &ask, 1, s2c, &out); // RSP-8
    packet_field(&out, 0xf323, NULL, 24);
    reply_read(&ask, out.at, out.len, &r);
    assert_string_equal(r.why, "something follows the authenticator");

    make("", "", &p, &ask); // NAK-1: a plain request is never answered with a NAK
    packet_start(&out, 4, 4);
    out.at[0] |= 0xc0;
    memcpy(out.at + 24, p.at + 40, 8);
    memcpy(out.at + 12, "NTSN", 4);
    reply_read(&ask, out.at, out.len, &r);
    assert_int_equal(r.kind, REPLY_BAD);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_as_rfc_5297),          cmocka_unit_test(builds_the_common_shapes),
        cmocka_unit_test(accepts_a_right_reply),      cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_what_breaks_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
