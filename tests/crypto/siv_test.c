// AES-SIV one message at a time, on every AES that this machine can run, against RFC 5297's
// vectors and against nettle (an implementation that shares nothing with ours).
#include "crypto/siv.h"

#include "base/bytes.h"
#include "crypto/siv_core.h"
#include "tests/crypto/support.h"

#include <nettle/aes.h>
#include <nettle/siv-cmac.h>

enum { MAX = 600 };

static struct bytes_span part(const uint8_t *at, size_t len)
{
    return (struct bytes_span){at, len};
}

// SIV-2: RFC 5297, appendix A.1. That vector has no nonce; its associated data stands in the
// nonce's place here, which is S2V's last component before the plaintext, and an S2V without a
// first component is started by hand.
static void rfc5297_a1(void **state)
{
    (void)state;
    uint8_t key[32], ad[24], plain[14], want[30];
    from_hex(key, "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    from_hex(ad, "101112131415161718191a1b1c1d1e1f2021222324252627");
    from_hex(plain, "112233445566778899aabbccddee");
    from_hex(want, "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c");
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        if (!aes_all[i]->usable())
            continue;
        struct cookie_key core;
        uint8_t out[30];
        siv_core_start(aes_all[i], &core, key);
        siv_core_tag(aes_all[i], &core, part(ad, sizeof ad), plain, sizeof plain, out);
        siv_core_crypt(aes_all[i], &core, out, plain, sizeof plain, out + 16);
        assert_memory_equal(out, want, sizeof want);
    }
}

// SIV-2: RFC 5297, appendix A.2: two components of associated data, and a nonce.
static void rfc5297_a2(void **state)
{
    (void)state;
    uint8_t key[32], ad1[40], ad2[10], nonce[16], plain[47], want[63];
    from_hex(key, "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f");
    from_hex(ad1, "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa998877665544332211"
                  "00");
    from_hex(ad2, "102030405060708090a0");
    from_hex(nonce, "09f911029d74e35bd84156c5635688c0");
    from_hex(plain, "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67"
                    "205349562d414553");
    from_hex(want, "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa66"
                   "3b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d");
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        if (!aes_all[i]->usable())
            continue;
        struct cookie_key core;
        uint8_t out[63];
        siv_core_start(aes_all[i], &core, key);
        siv_core_absorb(aes_all[i], &core, part(ad1, sizeof ad1));
        siv_core_absorb(aes_all[i], &core, part(ad2, sizeof ad2));
        siv_core_tag(aes_all[i], &core, part(nonce, sizeof nonce), plain, sizeof plain, out);
        siv_core_crypt(aes_all[i], &core, out, plain, sizeof plain, out + 16);
        assert_memory_equal(out, want, sizeof want);
    }
}

// SIV-3: the shape of an NTS request.
static void nts_shape(void **state)
{
    (void)state;
    uint8_t key[32], ad[84], nonce[16], want[16];
    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    memset(ad, 7, sizeof ad);
    memset(nonce, 9, sizeof nonce);
    from_hex(want, "436421ea557c0ffa65760a134f09ce5f");
    uint8_t out[16];
    siv_seal(key, part(ad, 84), part(nonce, 16), NULL, 0, out);
    assert_memory_equal(out, want, 16);
    assert_true(siv_open(key, part(ad, 84), part(nonce, 16), out, 16, NULL));
}

// SIV-4: with an empty plaintext, each flipped bit of the tag is refused, on every AES.
static void empty_plaintext_forged(void **state)
{
    (void)state;
    uint64_t seed = 4;
    uint8_t key[32], ad[84], nonce[16], tag[16];
    fill_mixed(&seed, key, sizeof key);
    fill_mixed(&seed, ad, sizeof ad);
    fill_mixed(&seed, nonce, sizeof nonce);
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        const struct aes *aes = aes_all[i];
        if (!aes->usable())
            continue;
        siv_seal_over(aes, key, part(ad, 84), part(nonce, 16), NULL, 0, tag);
        assert_true(siv_open_over(aes, key, part(ad, 84), part(nonce, 16), tag, 16, NULL));
        for (unsigned bit = 0; bit < 128; bit++) {
            tag[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(siv_open_over(aes, key, part(ad, 84), part(nonce, 16), tag, 16, NULL));
            tag[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        assert_false(siv_open_over(aes, key, part(ad, 84), part(nonce, 16), tag, 15, NULL));
        assert_false(siv_open_over(aes, key, part(ad, 83), part(nonce, 16), tag, 16, NULL));
        assert_false(siv_open_over(aes, key, part(ad, 84), part(nonce, 15), tag, 16, NULL));
    }
}

// One comparison with nettle, sealing out of place and in place, then opening, then a forgery.
static void against_nettle(const struct aes *aes, uint64_t *seed, size_t ad_len, size_t nonce_len,
                           size_t len)
{
    uint8_t key[32], ad[MAX], nonce[MAX], plain[MAX], want[MAX + 16], out[MAX + 16], back[MAX];
    fill_mixed(seed, key, sizeof key);
    fill_mixed(seed, ad, ad_len);
    fill_mixed(seed, nonce, nonce_len);
    fill_mixed(seed, plain, len);
    struct siv_cmac_aes128_ctx nettle;
    siv_cmac_aes128_set_key(&nettle, key);
    siv_cmac_aes128_encrypt_message(&nettle, nonce_len, nonce, ad_len, ad, len + 16, want, plain);

    siv_seal_over(aes, key, part(ad, ad_len), part(nonce, nonce_len), plain, len, out);
    assert_memory_equal(out, want, len + 16);
    memcpy(out + 16, plain, len);
    siv_seal_over(aes, key, part(ad, ad_len), part(nonce, nonce_len), out + 16, len, out);
    assert_memory_equal(out, want, len + 16);
    assert_true(
        siv_open_over(aes, key, part(ad, ad_len), part(nonce, nonce_len), out, len + 16, back));
    assert_memory_equal(back, plain, len);

    // A forgery leaves nothing of the plaintext.
    out[mixed(seed) % (len + 16)] ^= (uint8_t)(1U << mixed(seed) % 8);
    assert_false(
        siv_open_over(aes, key, part(ad, ad_len), part(nonce, nonce_len), out, len + 16, back));
    for (size_t i = 0; i < len; i++)
        assert_int_equal(back[i], 0);
}

// SIV-5: plaintexts around the block, associated data that is no multiple of 16, every nonce
// length; each AES against nettle.
static void lengths(void **state)
{
    (void)state;
    static const size_t plain_lens[] = {0,  1,  15,  16,  17,  31,  32, 33,
                                        47, 48, 104, 127, 128, 129, 500};
    static const size_t ad_lens[] = {0, 1, 4, 15, 16, 17, 48, 84, 188, 255, 256};
    uint64_t seed = 5;
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        if (!aes_all[i]->usable())
            continue;
        for (unsigned p = 0; p < sizeof plain_lens / sizeof *plain_lens; p++)
            for (unsigned a = 0; a < sizeof ad_lens / sizeof *ad_lens; a++)
                against_nettle(aes_all[i], &seed, ad_lens[a], 16, plain_lens[p]);
        for (size_t nonce_len = 1; nonce_len <= 40; nonce_len++)
            against_nettle(aes_all[i], &seed, 84, nonce_len, nonce_len);
        for (unsigned round = 0; round < 200; round++)
            against_nettle(aes_all[i], &seed, mixed(&seed) % MAX, 1 + mixed(&seed) % 64,
                           mixed(&seed) % MAX);
    }
}

// SIV-5: a first counter whose low 32 and 64 bits are all ones but for the cleared bit, so that
// additions carry as far as they can. The tag is given, so no key has to be searched for it.
static void counter_edges(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "ffffffffffffffffffffffffffffffff", "00000000000000007fffffff7fffffff",
        "000102030405060708090a0b7ffffffe", "00000000000000000000000000000000",
        "ffffffffffffffffffffffff80000000",
    };
    uint64_t seed = 6;
    uint8_t key[32], zero[400] = {0}, got[400], want[400];
    fill_mixed(&seed, key, sizeof key);
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        if (!aes_all[i]->usable())
            continue;
        struct cookie_key core;
        siv_core_start(aes_all[i], &core, key);
        for (unsigned t = 0; t < sizeof tags / sizeof *tags; t++) {
            uint8_t tag[16];
            from_hex(tag, tags[t]);
            siv_core_crypt(aes_all[i], &core, tag, zero, sizeof zero, got);
            struct aes128_ctx nettle;
            aes128_set_encrypt_key(&nettle, key + 16);
            // With the top bit of octet 8 cleared no carry leaves the lower half.
            tag[8] &= 0x7f;
            tag[12] &= 0x7f;
            uint64_t low = be64_get(tag + 8);
            for (unsigned at = 0; at < sizeof want; at += 16, low++) {
                be64_put(tag + 8, low);
                aes128_encrypt(&nettle, 16, want + at, tag);
            }
            assert_memory_equal(got, want, sizeof want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5297_a1), cmocka_unit_test(rfc5297_a2),
        cmocka_unit_test(nts_shape),  cmocka_unit_test(empty_plaintext_forged),
        cmocka_unit_test(lengths),    cmocka_unit_test(counter_edges),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
