// Tests each row of crypto/aead.h: its lengths, its two functions against published messages, and
// every damaged message, which must be refused. The same loops test a new row; add a message of it
// to `known`.
#include "crypto/aead.h"

#include "crypto/client_lanes.h"
#include "crypto/cookie.h"
#include "crypto/exchange.h"
#include "tests/crypto/support.h"

enum { PLAIN_MAX = 8 * (4 + AEAD_COOKIE_MAX), AD_MAX = 200, TAG_MAX = 16 };

static const struct known {
    uint16_t id;
    const char *key, *ad, *nonce, *plain, *sealed;
} known[] = {
    // A request: 84 octets of associated data and no plaintext. SIV-3.
    {
        .id = 15,
        .key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        .ad = "0707070707070707070707070707070707070707070707070707070707070707070707070707070707"
              "0707070707070707070707070707070707070707070707070707070707070707070707070707070707"
              "0707",
        .nonce = "09090909090909090909090909090909",
        .plain = "",
        .sealed = "436421ea557c0ffa65760a134f09ce5f",
    },
};

static struct bytes_span span(const uint8_t *at, size_t len)
{
    return (struct bytes_span){at, len};
}

// NTS-4, CK-1, CK-2, CK-3: what wire, stages and NTS-KE take for granted of every row.
static void lengths(void **state)
{
    (void)state;
    for (unsigned r = 0; r < AEAD_ROWS; r++) {
        const struct aead *aead = &aead_rows[r];
        const struct aead_lengths *len = aead->lengths;
        assert_int_equal(aead->row, r);
        assert_memory_equal(len, &aead_lengths[r], sizeof *len);
        assert_ptr_equal(aead_of_id(aead->id), aead);
        assert_true(strncmp(aead->name, "AEAD_", 5) == 0);

        assert_in_range(len->key, 1, AEAD_KEY_MAX);
        assert_int_equal(len->cookie, COOKIE_KEYS_AT + 2 * len->key);
        assert_int_equal(len->cookie % 4, 0);
        assert_in_range(len->cookie, 1, AEAD_COOKIE_MAX);
        assert_int_equal(aead_row_of_cookie(len->cookie), r);
        assert_in_range(len->nonce, len->nonce_least, len->nonce_most);
        assert_int_equal(len->nonce % 4, 0);
        assert_in_range(len->nonce, 1, EXCHANGE_NONCE_LEN); // a nonce is drawn from one block
        assert_in_range(len->tag, 1, TAG_MAX);
        assert_int_equal(len->tag % 4, 0);
    }
    assert_null(aead_of_id(0));
    assert_null(aead_of_id(UINT16_MAX));
    assert_int_equal(aead_row_of_cookie(0), AEAD_ROWS);
    assert_int_equal(aead_row_of_cookie(96), AEAD_ROWS);
    assert_int_equal(aead_row_of_cookie(104), AEAD_ROWS);
}

// Each row has the two batches, whose last variant runs everywhere.
static void batches(void **state)
{
    (void)state;
    for (unsigned r = 0; r < AEAD_ROWS; r++) {
        assert_non_null(exchange_variants[r]);
        assert_non_null(client_variants[r]);
        assert_string_equal(exchange_variant_named(r, "portable")->name, "portable");
        assert_string_equal(client_variant_named(r, "portable")->name, "portable");
    }
    struct exchange_kernels kernels;
    assert_true(exchange_kernels_named("portable", &kernels));
    for (unsigned r = 0; r < AEAD_ROWS; r++)
        assert_ptr_equal(kernels.of[r], exchange_variant_named(r, "portable"));
    assert_true(exchange_kernels_named("auto", &kernels));
    assert_false(exchange_kernels_named("no such", &kernels));
}

static void messages(void **state)
{
    (void)state;
    bool has[AEAD_ROWS] = {false};
    for (unsigned k = 0; k < sizeof known / sizeof *known; k++) {
        const struct aead *aead = aead_of_id(known[k].id);
        assert_non_null(aead);
        has[aead->row] = true;
        uint8_t key[AEAD_KEY_MAX], ad[AD_MAX], nonce[64], plain[PLAIN_MAX];
        uint8_t sealed[PLAIN_MAX + TAG_MAX], want[PLAIN_MAX + TAG_MAX], back[PLAIN_MAX];
        assert_int_equal(from_hex(key, known[k].key), aead->lengths->key);
        size_t ad_len = from_hex(ad, known[k].ad), nonce_len = from_hex(nonce, known[k].nonce);
        size_t len = from_hex(plain, known[k].plain), whole = from_hex(want, known[k].sealed);
        assert_int_equal(whole, len + aead->lengths->tag);
        aead->seal(key, span(ad, ad_len), span(nonce, nonce_len), plain, len, sealed);
        assert_memory_equal(sealed, want, whole);
        assert_true(aead->open(key, span(ad, ad_len), span(nonce, nonce_len), want, whole, back));
        assert_memory_equal(back, plain, len);
    }
    for (unsigned r = 0; r < AEAD_ROWS; r++)
        assert_true(has[r]);
}

// A message of a row, whole until something in it is damaged.
struct message {
    const struct aead *aead;
    uint8_t key[AEAD_KEY_MAX], ad[AD_MAX], nonce[64], plain[PLAIN_MAX],
        sealed[PLAIN_MAX + TAG_MAX + 1];
    size_t ad_len, nonce_len, len;
};

static void message_seal(struct message *m, uint64_t *seed, const struct aead *aead, size_t ad_len,
                         size_t nonce_len, size_t len)
{
    *m = (struct message){.aead = aead, .ad_len = ad_len, .nonce_len = nonce_len, .len = len};
    fill_mixed(seed, m->key, aead->lengths->key);
    fill_mixed(seed, m->ad, ad_len);
    fill_mixed(seed, m->nonce, nonce_len);
    fill_mixed(seed, m->plain, len);
    m->sealed[len + aead->lengths->tag] = 0x5a;
    aead->seal(m->key, span(m->ad, ad_len), span(m->nonce, nonce_len), len > 0 ? m->plain : NULL,
               len, m->sealed);
    assert_int_equal(m->sealed[len + aead->lengths->tag], 0x5a);
}

static bool message_opens(const struct message *m, size_t less)
{
    uint8_t back[PLAIN_MAX + 1];
    memset(back, 0xa5, sizeof back);
    size_t len = m->len - less;
    bool genuine = m->aead->open(m->key, span(m->ad, m->ad_len), span(m->nonce, m->nonce_len),
                                 m->sealed, len + m->aead->lengths->tag, len > 0 ? back : NULL);
    assert_int_equal(back[len], 0xa5);
    if (genuine)
        assert_memory_equal(back, m->plain, len);
    for (size_t i = 0; !genuine && i < len; i++)
        assert_int_equal(back[i], 0); // a forgery leaves nothing
    return genuine;
}

static void flips_are_refused(struct message *m, uint8_t *at, size_t len)
{
    for (size_t bit = 0; bit < 8 * len; bit++) {
        at[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(message_opens(m, 0));
        at[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

// NTS-1, SIV-4: every bit of key, associated data, nonce and sealed octets counts, and so does each
// length. With an empty plaintext, too, as requests have it.
static void damage(void **state)
{
    (void)state;
    static const size_t plain_lens[] = {0, 1, 16, 104, PLAIN_MAX};
    uint64_t seed = 15;
    for (unsigned r = 0; r < AEAD_ROWS; r++) {
        const struct aead *aead = &aead_rows[r];
        const struct aead_lengths *len = aead->lengths;
        for (unsigned p = 0; p < sizeof plain_lens / sizeof *plain_lens; p++) {
            struct message m;
            message_seal(&m, &seed, aead, 85, len->nonce, plain_lens[p]);
            assert_true(message_opens(&m, 0));
            if (m.len >= 16) // the half that makes the keystream counts where there is one
                flips_are_refused(&m, m.key, len->key);
            flips_are_refused(&m, m.ad, m.ad_len);
            flips_are_refused(&m, m.nonce, m.nonce_len);
            flips_are_refused(&m, m.sealed, m.len + len->tag);

            m.ad_len--;
            assert_false(message_opens(&m, 0));
            m.ad_len += 2;
            assert_false(message_opens(&m, 0));
            m.ad_len--;
            if (m.nonce_len > len->nonce_least) {
                m.nonce_len--;
                assert_false(message_opens(&m, 0));
                m.nonce_len++;
            }
            if (m.len > 0)
                assert_false(message_opens(&m, 1)); // cut
            assert_true(message_opens(&m, 0));

            // Less than a tag is no message.
            for (size_t n = 0; n < len->tag; n++)
                assert_false(aead->open(m.key, span(m.ad, m.ad_len), span(m.nonce, m.nonce_len),
                                        m.sealed, n, NULL));
        }
        // Every length of nonce that the row says it takes, as far as a request is likely to go.
        for (size_t n = len->nonce_least; n <= len->nonce_most && n <= 64; n++) {
            struct message m;
            message_seal(&m, &seed, aead, 85, n, 104);
            assert_true(message_opens(&m, 0));
        }
    }
}

// CK-1, CK-3: a row's cookie brings the row's keys back, and is no cookie of another length.
static void cookies(void **state)
{
    (void)state;
    uint64_t seed = 100;
    uint8_t secret[COOKIE_KEY_LEN], nonce[COOKIE_NONCE_LEN];
    fill_mixed(&seed, secret, sizeof secret);
    struct cookie_key key;
    cookie_key_expand_own(&key, 0x01020304, secret);
    for (unsigned r = 0; r < AEAD_ROWS; r++) {
        const size_t keys_len = 2u * aead_lengths[r].key;
        uint8_t keys[2 * AEAD_KEY_MAX], back[2 * AEAD_KEY_MAX + 4];
        uint8_t cookie[AEAD_COOKIE_MAX + 4] = {0};
        fill_mixed(&seed, keys, keys_len);
        fill_mixed(&seed, nonce, sizeof nonce);
        cookie[aead_lengths[r].cookie] = 0x5a;
        cookie_seal(&key, nonce, keys, keys_len, cookie);
        assert_int_equal(cookie[aead_lengths[r].cookie], 0x5a);
        assert_true(cookie_open(&key, cookie, back, keys_len));
        assert_memory_equal(back, keys, keys_len);
        for (size_t other = 4; other <= keys_len + 4; other += 4)
            assert_int_equal(cookie_open(&key, cookie, back, other), other == keys_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths), cmocka_unit_test(batches), cmocka_unit_test(messages),
        cmocka_unit_test(damage),  cmocka_unit_test(cookies),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
