// Cookies one at a time, against nettle.
#include "crypto/cookie.h"

#include "base/bytes.h"
#include "tests/crypto/support.h"

#include <nettle/siv-cmac.h>

static uint64_t seed = 20;

// What an independent AES-SIV makes of the same key, associated data, nonce and plaintext.
static void expect(const uint8_t secret[32], const uint8_t *ad, size_t ad_len,
                   const uint8_t nonce[16], const uint8_t keys[64], uint8_t sealed[80])
{
    struct siv_cmac_aes128_ctx nettle;
    siv_cmac_aes128_set_key(&nettle, secret);
    siv_cmac_aes128_encrypt_message(&nettle, 16, nonce, ad_len, ad, 80, sealed, keys);
}

// CK-1: I | N | V | E with AD = I. CK-2: 100 octets, a multiple of four. CK-4: any id will do.
static void layout(void **state)
{
    (void)state;
    static const uint32_t ids[] = {0, 1, 0x80000000, 0xa1b2c3d4, 0xffffffff};
    static_assert(COOKIE_LEN == 100 && COOKIE_LEN % 4 == 0, "CK-2");
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        uint8_t secret[32], nonce[16], keys[64], cookie[COOKIE_LEN], id[4], sealed[80], back[64];
        fill_mixed(&seed, secret, sizeof secret);
        fill_mixed(&seed, nonce, sizeof nonce);
        fill_mixed(&seed, keys, sizeof keys);
        struct cookie_key key;
        cookie_key_expand_own(&key, ids[i], secret);
        cookie_seal(&key, nonce, keys, COOKIE_KEYS_LEN, cookie);
        be32_put(id, ids[i]);
        expect(secret, id, 4, nonce, keys, sealed);
        assert_memory_equal(cookie, id, 4);
        assert_memory_equal(cookie + 4, nonce, 16);
        assert_memory_equal(cookie + 20, sealed, 80);
        assert_true(cookie_open(&key, cookie, back, COOKIE_KEYS_LEN));
        assert_memory_equal(back, keys, 64);
    }
}

// A key imported from chrony: associated data that is empty, but a component all the same.
static void empty_associated_data(void **state)
{
    (void)state;
    uint8_t secret[32], nonce[16], keys[64], cookie[COOKIE_LEN], sealed[80], back[64];
    fill_mixed(&seed, secret, sizeof secret);
    fill_mixed(&seed, nonce, sizeof nonce);
    fill_mixed(&seed, keys, sizeof keys);
    struct cookie_key key;
    cookie_key_expand(&key, 7, secret, NULL, 0);
    cookie_seal(&key, nonce, keys, COOKIE_KEYS_LEN, cookie);
    expect(secret, NULL, 0, nonce, keys, sealed);
    assert_memory_equal(cookie + 20, sealed, 80);
    assert_true(cookie_open(&key, cookie, back, COOKIE_KEYS_LEN));
}

// Each bit of nonce, tag and content is under the seal, and so is the key; what was wrong leaves no
// keys behind. The id's octets name the key, and are under its seal as its associated data.
static void forged(void **state)
{
    (void)state;
    uint8_t secret[32], nonce[16], keys[64], cookie[COOKIE_LEN], back[64];
    static const uint8_t blank[64];
    fill_mixed(&seed, secret, sizeof secret);
    fill_mixed(&seed, nonce, sizeof nonce);
    fill_mixed(&seed, keys, sizeof keys);
    struct cookie_key key, other_id, other_secret;
    cookie_key_expand_own(&key, 0x01020304, secret);
    cookie_key_expand_own(&other_id, 0x01020305, secret);
    secret[31] ^= 1;
    cookie_key_expand_own(&other_secret, 0x01020304, secret);
    cookie_seal(&key, nonce, keys, COOKIE_KEYS_LEN, cookie);
    for (unsigned bit = 8 * COOKIE_ID_LEN; bit < 8 * COOKIE_LEN; bit++) {
        memset(back, 0xff, sizeof back);
        cookie[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(cookie_open(&key, cookie, back, COOKIE_KEYS_LEN));
        assert_memory_equal(back, blank, 64);
        cookie[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_false(cookie_open(&other_id, cookie, back, COOKIE_KEYS_LEN));
    assert_false(cookie_open(&other_secret, cookie, back, COOKIE_KEYS_LEN));
    assert_true(cookie_open(&key, cookie, back, COOKIE_KEYS_LEN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout),
        cmocka_unit_test(empty_associated_data),
        cmocka_unit_test(forged),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
