// The exchange of a server that calls AES-SIV as one function. RFC 8915, section 5.7.
#include "perf/bench/nettle.h"

#include "base/bytes.h"

#include <nettle/siv-cmac.h>
#include <string.h>

enum { C2S = 0, S2C = 32 };

// The cookie's key. The bench's exchange has only its schedules; round 0 of a schedule is the key
// itself.
static void set_cookie_key(struct siv_cmac_aes128_ctx *ctx, const struct cookie_key *key)
{
    uint8_t secret[COOKIE_KEY_LEN];
    memcpy(secret, key->mac_schedule[0], 16);
    memcpy(secret + 16, key->ctr_schedule[0], 16);
    siv_cmac_aes128_set_key(ctx, secret);
    bytes_wipe(secret, sizeof secret);
}

static bool lane(struct exchange *x, unsigned l, const struct siv_cmac_aes128_ctx *cookie_key)
{
    struct siv_cmac_aes128_ctx c2s, s2c;
    uint8_t keys[COOKIE_KEYS_LEN], nothing[1];
    const uint8_t *cookie = x->cookie[l];
    if (!siv_cmac_aes128_decrypt_message(cookie_key, 16, cookie + COOKIE_NONCE_AT, COOKIE_ID_LEN,
                                         cookie, COOKIE_KEYS_LEN, keys, cookie + COOKIE_TAG_AT))
        return false;
    siv_cmac_aes128_set_key(&c2s, keys + C2S);
    if (!siv_cmac_aes128_decrypt_message(&c2s, 16, x->request_seal[l], x->shape[l].request_len,
                                         x->request[l], 0, nothing, x->request_seal[l] + 16))
        return false;
    uint8_t text[EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE];
    size_t len = x->shape[l].n_cookies * (size_t)EXCHANGE_STRIDE;
    for (unsigned c = 0; c < x->shape[l].n_cookies; c++) {
        uint8_t *at = text + c * (size_t)EXCHANGE_STRIDE;
        be32_put(at, 0x02040068);
        be32_put(at + EXCHANGE_LEAD, x->seal_key->id);
        memcpy(at + EXCHANGE_LEAD + COOKIE_NONCE_AT, x->random[l] + 16 * (c + 1), 16);
        siv_cmac_aes128_encrypt_message(cookie_key, 16, at + EXCHANGE_LEAD + COOKIE_NONCE_AT,
                                        COOKIE_ID_LEN, at + EXCHANGE_LEAD, 16 + COOKIE_KEYS_LEN,
                                        at + EXCHANGE_LEAD + COOKIE_TAG_AT, keys);
    }
    siv_cmac_aes128_set_key(&s2c, keys + S2C);
    memcpy(x->reply_seal[l], x->random[l], 16);
    siv_cmac_aes128_encrypt_message(&s2c, 16, x->random[l], x->shape[l].reply_len, x->reply[l],
                                    16 + len, x->reply_seal[l] + 16, text);
    return true;
}

lane_set nettle_exchange(struct exchange *x, unsigned n)
{
    struct siv_cmac_aes128_ctx cookie_key;
    set_cookie_key(&cookie_key, x->seal_key);
    lane_set proven = 0;
    for (unsigned l = 0; l < n; l++) {
        if (lane(x, l, &cookie_key))
            proven |= lane_bit(l);
    }
    return proven;
}
