// One request of any legal shape.
#include "dataplane/stage/slow.h"

#include "base/bytes.h"
#include "crypto/cookie.h"
#include "crypto/siv.h"
#include "dataplane/stage/seal.h"

#include <stddef.h>

static_assert(COOKIE_KEYS_LEN == 2 * SIV_KEY_LEN, "a cookie holds C2S and S2C");

// Opens the request's cookie, or says why not. RFC 8915, section 6: a cookie of another length, of
// an unknown key or with a wrong tag is one that this server cannot read.
static bool open_cookie(const uint8_t *request, const struct field *cookie,
                        const struct keyring_view *keys, uint8_t pair[COOKIE_KEYS_LEN],
                        enum nak_cause *cause)
{
    const uint8_t *body = request + cookie->at + FIELD_HEADER_LEN;
    *cause = NAK_COOKIE_LENGTH;
    if (cookie->len != COOKIE_LEN)
        return false;
    const struct cookie_key *key = keyring_find(keys, be32_get(body));
    *cause = key == NULL ? NAK_UNKNOWN_KEY : NAK_COOKIE_TAG;
    return key != NULL && cookie_open(key, body, pair);
}

// Checks the request under C2S and reads what it encrypts. ANSWERED_NTS, ANSWERED_NAK or a drop.
static enum outcome prove(const struct batch *batch, unsigned lane, const uint8_t c2s[SIV_KEY_LEN],
                          uint32_t *n_placeholders)
{
    const uint8_t *request = batch_request(batch, lane);
    const struct fields *fields = &batch->fields[lane];
    const struct authenticator *seal = &batch->authenticator[lane];
    uint8_t plain[FRAME_MAX];
    uint32_t plain_len = seal->sealed_len - (uint32_t)SIV_TAG_LEN;

    struct siv_part ad = {.at = request, .len = fields->authenticator.at};
    struct siv_part nonce = {.at = request + seal->nonce_at, .len = seal->nonce_len};
    if (!siv_open(c2s, ad, nonce, request + seal->sealed_at, seal->sealed_len, plain))
        return ANSWERED_NAK;

    // Genuine, so that what is wrong from here on is the client's own doing and no NAK helps it.
    bool whole = fields_count_sealed(plain, plain_len, fields->cookie.len, n_placeholders);
    bytes_wipe(plain, plain_len);
    return whole ? ANSWERED_NTS : DROPPED_NTS_CONTENT;
}

static enum outcome seal_reply(struct batch *batch, unsigned lane, const struct cookie_key *key,
                               const uint8_t pair[COOKIE_KEYS_LEN], unsigned n_cookies,
                               struct rng *rng)
{
    uint32_t clear_len = batch->ntp_len[lane];
    uint8_t *nonce = seal_place(batch, lane, n_cookies);
    if (nonce == NULL)
        return DROPPED_LONGER;

    // In the batch kernel's order: the reply's nonce, then the cookies'.
    uint8_t random[EXCHANGE_RANDOM_LEN];
    rng_fill(rng, random, EXCHANGE_NONCE_LEN * (1u + n_cookies));
    memcpy(nonce, random, EXCHANGE_NONCE_LEN);
    uint8_t *sealed = nonce + EXCHANGE_NONCE_LEN;
    uint8_t *plain = sealed + EXCHANGE_TAG_LEN;
    for (unsigned i = 0; i < n_cookies; i++) {
        uint8_t *cookie = field_put(plain + i * EXCHANGE_STRIDE, FIELD_COOKIE, COOKIE_LEN);
        cookie_seal(key, random + EXCHANGE_NONCE_LEN * (1 + i), pair, cookie);
    }

    struct siv_part ad = {.at = batch_reply(batch, lane), .len = clear_len};
    siv_seal(pair + SIV_KEY_LEN, ad, (struct siv_part){.at = nonce, .len = EXCHANGE_NONCE_LEN},
             plain, n_cookies * EXCHANGE_STRIDE, sealed);
    return ANSWERED_NTS;
}

enum outcome slow_exchange(struct batch *batch, unsigned lane, const struct keyring_view *keys,
                           struct rng *rng)
{
    const struct fields *fields = &batch->fields[lane];
    uint8_t pair[COOKIE_KEYS_LEN];
    enum nak_cause cause;
    if (!open_cookie(batch_request(batch, lane), &fields->cookie, keys, pair, &cause)) {
        batch->nak[cause] |= lane_bit(lane);
        return ANSWERED_NAK;
    }

    uint32_t n_sealed = 0;
    enum outcome end = prove(batch, lane, pair, &n_sealed);
    if (end == ANSWERED_NAK)
        batch->nak[NAK_REQUEST_TAG] |= lane_bit(lane);
    if (end == ANSWERED_NTS)
        end = seal_reply(batch, lane, &keys->key[keys->current], pair,
                         seal_n_cookies(fields->n_placeholders + n_sealed), rng);
    bytes_wipe(pair, sizeof pair);
    return end;
}
