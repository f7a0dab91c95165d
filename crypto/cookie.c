// Sealing and opening one cookie: I | N | V | E. Pure; any thread. RFC 8915, section 6.
#include "crypto/cookie.h"

#include "base/bytes.h"
#include "crypto/siv_core.h"

#include <string.h>

void cookie_seal(const struct cookie_key *key, const uint8_t nonce[COOKIE_NONCE_LEN],
                 const uint8_t *keys, size_t keys_len, uint8_t *cookie)
{
    const struct aes *aes = aes_best();
    be32_put(cookie, key->id);
    memcpy(cookie + COOKIE_NONCE_AT, nonce, COOKIE_NONCE_LEN);
    siv_core_tag(aes, key, (struct bytes_span){nonce, COOKIE_NONCE_LEN}, keys, keys_len,
                 cookie + COOKIE_TAG_AT);
    siv_core_crypt(aes, key, cookie + COOKIE_TAG_AT, keys, keys_len, cookie + COOKIE_KEYS_AT);
}

bool cookie_open(const struct cookie_key *key, const uint8_t *cookie, uint8_t *keys,
                 size_t keys_len)
{
    const struct aes *aes = aes_best();
    siv_core_crypt(aes, key, cookie + COOKIE_TAG_AT, cookie + COOKIE_KEYS_AT, keys_len, keys);
    uint8_t tag[COOKIE_TAG_LEN];
    siv_core_tag(aes, key, (struct bytes_span){cookie + COOKIE_NONCE_AT, COOKIE_NONCE_LEN}, keys,
                 keys_len, tag);
    bool genuine = bytes_equal_ct(tag, cookie + COOKIE_TAG_AT, COOKIE_TAG_LEN);
    bytes_wipe(tag, sizeof tag);
    if (!genuine)
        bytes_wipe(keys, keys_len);
    return genuine;
}
