// One request of any legal shape.
#include "dataplane/stage/slow.h"

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/cookie.h"
#include "dataplane/stage/key_used.h"
#include "dataplane/stage/seal.h"

#include <stddef.h>

// Opens the request's cookie into pair, C2S | S2C, sets *key to the key that does, and returns the
// session's AEAD; on failure returns NULL and sets *cause. RFC 8915, section 6: the server cannot
// read a cookie of another length, of an unknown key or with a wrong tag.
static const struct aead *open_cookie(const uint8_t *request, const struct field *cookie,
                                      const struct keyring_view *keys, uint8_t *pair,
                                      const struct cookie_key **key, enum nak_cause *cause)
{
    const uint8_t *body = request + cookie->at + FIELD_HEADER_LEN;
    enum aead_row row = aead_row_of_cookie(cookie->len);
    *cause = NAK_COOKIE_LENGTH;
    if (row == AEAD_ROWS)
        return NULL;
    *key = keyring_find(keys, be32_get(body));
    *cause = *key == NULL ? NAK_UNKNOWN_KEY : NAK_COOKIE_TAG;
    if (*key == NULL || !cookie_open(*key, body, pair, 2u * aead_lengths[row].key))
        return NULL;
    return &aead_rows[row];
}

// Verifies the request under C2S and reads its encrypted fields. ANSWERED_NTS, ANSWERED_NAK or a
// drop.
static enum outcome prove(const struct batch *batch, unsigned lane, const struct aead *aead,
                          const uint8_t *c2s, uint32_t *n_placeholders)
{
    const uint8_t *request = batch_request(batch, lane);
    const struct fields *fields = &batch->fields[lane];
    const struct authenticator *seal = &batch->authenticator[lane];
    uint8_t plain[FRAME_MAX];
    uint32_t plain_len = (uint32_t)(seal->sealed_len - aead->lengths->tag);

    struct bytes_span ad = {.at = request, .len = fields->authenticator.at};
    struct bytes_span nonce = {.at = request + seal->nonce_at, .len = seal->nonce_len};
    if (!aead->open(c2s, ad, nonce, request + seal->sealed_at, seal->sealed_len, plain))
        return ANSWERED_NAK;

    // The request is genuine, so an error from here on is the client's own, and a NAK would not
    // help.
    bool whole = fields_count_sealed(plain, plain_len, fields->cookie.len, n_placeholders);
    bytes_wipe(plain, plain_len);
    return whole ? ANSWERED_NTS : DROPPED_NTS_CONTENT;
}

static enum outcome seal_reply(struct batch *batch, unsigned lane, const struct aead *aead,
                               const struct cookie_key *key, const uint8_t *pair,
                               unsigned n_cookies, struct rng *rng)
{
    const struct aead_lengths *len = aead->lengths;
    uint32_t clear_len = batch->ntp_len[lane];
    uint8_t *nonce = seal_place(batch, lane, n_cookies, len);
    if (nonce == NULL)
        return DROPPED_LONGER;

    // In the batch kernel's order: the reply's nonce, then the cookies' nonces.
    uint8_t random[EXCHANGE_RANDOM_LEN];
    rng_fill(rng, random, EXCHANGE_NONCE_LEN * (1u + n_cookies));
    memcpy(nonce, random, len->nonce);
    uint8_t plain[EXCHANGE_COOKIES_MAX * (FIELD_HEADER_LEN + AEAD_COOKIE_MAX)];
    uint32_t plain_len = n_cookies * seal_stride(len);
    for (unsigned i = 0; i < n_cookies; i++) {
        uint8_t *cookie = field_put(plain + i * seal_stride(len), FIELD_COOKIE, len->cookie);
        cookie_seal(key, random + EXCHANGE_NONCE_LEN * (1 + i), pair, 2u * len->key, cookie);
    }

    struct bytes_span ad = {.at = batch_reply(batch, lane), .len = clear_len};
    aead->seal(pair + len->key, ad, (struct bytes_span){.at = nonce, .len = len->nonce}, plain,
               plain_len, nonce + len->nonce);
    bytes_wipe(plain, plain_len);
    return ANSWERED_NTS;
}

enum outcome slow_exchange(struct batch *batch, unsigned lane, const struct keyring_view *keys,
                           struct rng *rng, struct exchange_sessions *sessions)
{
    const struct fields *fields = &batch->fields[lane];
    uint8_t pair[2 * AEAD_KEY_MAX];
    enum nak_cause cause;
    const struct cookie_key *key;
    const struct aead *aead =
        open_cookie(batch_request(batch, lane), &fields->cookie, keys, pair, &key, &cause);
    if (aead == NULL) {
        batch->nak[cause] |= lane_bit(lane);
        return ANSWERED_NAK;
    }
    if (key != &keys->key[keys->current])
        key_used_older(batch, lane, keys, key);

    uint32_t n_sealed = 0;
    enum outcome end = prove(batch, lane, aead, pair, &n_sealed);
    if (end == ANSWERED_NAK)
        batch->nak[NAK_REQUEST_TAG] |= lane_bit(lane);
    if (end == ANSWERED_NTS)
        exchange_name_session(sessions, lane, pair); // C2S is its first half
    if (end == ANSWERED_NTS)
        end = seal_reply(batch, lane, aead, &keys->key[keys->current], pair,
                         seal_n_cookies(fields->n_placeholders + n_sealed), rng);
    bytes_wipe(pair, sizeof pair);
    return end;
}
