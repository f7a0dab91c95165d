// AES-SIV-CMAC-256, one message at a time. Pure; any thread. RFC 5297, section 2.6 and 2.7.
#include "crypto/siv.h"

#include "base/bytes.h"
#include "crypto/siv_core.h"

#include <string.h>

void siv_seal_over(const struct aes *aes, const uint8_t key[SIV_KEY_LEN], struct bytes_span ad,
                   struct bytes_span nonce, const uint8_t *plain, size_t len, uint8_t *out)
{
    struct cookie_key core;
    siv_core_start(aes, &core, key);
    siv_core_absorb(aes, &core, ad);
    uint8_t tag[SIV_TAG_LEN];
    siv_core_tag(aes, &core, nonce, plain, len, tag);
    siv_core_crypt(aes, &core, tag, plain, len, out + SIV_TAG_LEN);
    memcpy(out, tag, sizeof tag);
    bytes_wipe(&core, sizeof core);
}

bool siv_open_over(const struct aes *aes, const uint8_t key[SIV_KEY_LEN], struct bytes_span ad,
                   struct bytes_span nonce, const uint8_t *sealed, size_t len, uint8_t *plain)
{
    if (len < SIV_TAG_LEN)
        return false;
    len -= SIV_TAG_LEN;
    struct cookie_key core;
    siv_core_start(aes, &core, key);
    siv_core_absorb(aes, &core, ad);
    siv_core_crypt(aes, &core, sealed, sealed + SIV_TAG_LEN, len, plain);
    uint8_t tag[SIV_TAG_LEN];
    siv_core_tag(aes, &core, nonce, plain, len, tag);
    bytes_wipe(&core, sizeof core);
    bool genuine = bytes_equal_ct(tag, sealed, SIV_TAG_LEN);
    bytes_wipe(tag, sizeof tag); // for a forged message the right tag is a secret
    if (!genuine && len > 0)
        bytes_wipe(plain, len);
    return genuine;
}

void siv_seal(const uint8_t key[SIV_KEY_LEN], struct bytes_span ad, struct bytes_span nonce,
              const uint8_t *plain, size_t len, uint8_t *out)
{
    siv_seal_over(aes_best(), key, ad, nonce, plain, len, out);
}

bool siv_open(const uint8_t key[SIV_KEY_LEN], struct bytes_span ad, struct bytes_span nonce,
              const uint8_t *sealed, size_t len, uint8_t *plain)
{
    return siv_open_over(aes_best(), key, ad, nonce, sealed, len, plain);
}
