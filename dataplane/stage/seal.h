// The authenticator field of a reply, without its random and secret parts: its header and lengths.
// RFC 8915, sections 5.6 and 5.7. Runs on a core's own batch.
//
//   0x0404 | length | nonce length | sealed length | nonce | sealed: n x (0x0204 | length | cookie)
//                                                  ^ the returned pointer
//
// Of AEAD 15:  | 16 | 16 + 104 n | nonce 16 | tag 16 | n x (0x0204 | 104 | cookie 100). The part
// from the nonce on belongs to crypto/exchange.h.
#pragma once

#include "base/bytes.h"
#include "crypto/exchange.h"
#include "dataplane/stage/batch.h"

#include <assert.h>
#include <stddef.h>

static_assert((int)EXCHANGE_LEAD == (int)FIELD_HEADER_LEN, "a cookie's lead is its field's header");
static_assert((int)EXCHANGE_COOKIES_MAX <= UINT8_MAX, "batch.n_cookies counts them");

// The number of cookies for a request with that many valid placeholders.
static inline unsigned seal_n_cookies(unsigned n_placeholders)
{
    return n_placeholders < EXCHANGE_COOKIES_MAX ? 1 + n_placeholders : EXCHANGE_COOKIES_MAX;
}

// From one cookie to the next, each in its field.
static inline uint32_t seal_stride(const struct aead_lengths *aead)
{
    return FIELD_HEADER_LEN + aead->cookie;
}

// Writes the field behind the reply's clear part (ntp_len octets) and adds its length to ntp_len;
// sets n_cookies. Returns the place of the nonce, or NULL, with nothing written, when the reply
// would be longer than its request.
static inline uint8_t *seal_place(struct batch *batch, unsigned lane, unsigned n_cookies,
                                  const struct aead_lengths *aead)
{
    uint32_t clear_len = batch->ntp_len[lane];
    uint32_t sealed_len = aead->tag + n_cookies * seal_stride(aead);
    uint32_t body_len = AUTHENTICATOR_LENGTHS_LEN + aead->nonce + sealed_len;
    uint32_t whole_len = clear_len + FIELD_HEADER_LEN + body_len;
    if (whole_len > batch_request_len(batch, lane))
        return NULL;

    uint8_t *body = field_put(batch_reply(batch, lane) + clear_len, FIELD_AUTHENTICATOR, body_len);
    be32_put(body, authenticator_lengths(aead->nonce, sealed_len));

    batch->n_cookies[lane] = (uint8_t)n_cookies;
    batch->ntp_len[lane] = (uint16_t)whole_len;
    return body + AUTHENTICATOR_LENGTHS_LEN;
}
