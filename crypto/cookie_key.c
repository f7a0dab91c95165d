// Expanding a cookie key: once for each key, so that the work for each cookie begins after the
// associated data. Pure; any thread. RFC 5297, section 2.4.
#include "crypto/cookie_key.h"

#include "base/bytes.h"
#include "crypto/siv_core.h"

void cookie_key_expand(struct cookie_key *key, uint32_t id, const uint8_t secret[COOKIE_KEY_LEN],
                       const uint8_t *ad, uint32_t ad_len)
{
    const struct aes *aes = aes_best();
    key->id = id;
    siv_core_start(aes, key, secret);
    siv_core_absorb(aes, key, (struct bytes_span){ad, ad_len});
}

void cookie_key_expand_own(struct cookie_key *key, uint32_t id,
                           const uint8_t secret[COOKIE_KEY_LEN])
{
    uint8_t ad[COOKIE_ID_LEN];
    be32_put(ad, id);
    cookie_key_expand(key, id, secret, ad, sizeof ad);
}
