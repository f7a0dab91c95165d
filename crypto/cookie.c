// One cookie at a time: I | N | V | E. Pure; any thread. RFC 8915, section 6.
#include "crypto/cookie.h"

#include "base/bytes.h"
#include "crypto/siv_core.h"

#include <string.h>

void cookie_seal(const struct cookie_key *key, const uint8_t nonce[COOKIE_NONCE_LEN],
                 const uint8_t keys[COOKIE_KEYS_LEN], uint8_t cookie[COOKIE_LEN])
{
    const struct aes *aes = aes_best();
    be32_put(cookie, key->id);
    memcpy(cookie + COOKIE_NONCE_AT, nonce, COOKIE_NONCE_LEN);
    siv_core_tag(aes, key, (struct siv_part){nonce, COOKIE_NONCE_LEN}, keys, COOKIE_KEYS_LEN,
                 cookie + COOKIE_TAG_AT);
    siv_core_crypt(aes, key, cookie + COOKIE_TAG_AT, keys, COOKIE_KEYS_LEN,
                   cookie + COOKIE_KEYS_AT);
}

bool cookie_open(const struct cookie_key *key, const uint8_t cookie[COOKIE_LEN],
                 uint8_t keys[COOKIE_KEYS_LEN])
{
    const struct aes *aes = aes_best();
    siv_core_crypt(aes, key, cookie + COOKIE_TAG_AT, cookie + COOKIE_KEYS_AT, COOKIE_KEYS_LEN,
                   keys);
    uint8_t tag[COOKIE_TAG_LEN];
    siv_core_tag(aes, key, (struct siv_part){cookie + COOKIE_NONCE_AT, COOKIE_NONCE_LEN}, keys,
                 COOKIE_KEYS_LEN, tag);
    bool genuine = bytes_equal_ct(tag, cookie + COOKIE_TAG_AT, COOKIE_TAG_LEN);
    bytes_wipe(tag, sizeof tag);
    if (!genuine)
        bytes_wipe(keys, COOKIE_KEYS_LEN);
    return genuine;
}
