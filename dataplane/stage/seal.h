// The sealed field of a reply, all but what is random or secret: its header and lengths. RFC 8915,
// sections 5.6 and 5.7. Runs on a core's own batch.
//
//  0x0404 | length | 16 | 16 + 104 n | nonce 16 | tag 16 | n x (0x0204 | 104 | cookie 100)
//                                    ^ what is returned; from here on it is crypto/exchange.h's
#pragma once

#include "base/bytes.h"
#include "crypto/exchange.h"
#include "dataplane/stage/batch.h"

#include <assert.h>
#include <stddef.h>

static_assert((int)EXCHANGE_LEAD == (int)FIELD_HEADER_LEN, "a cookie's lead is its field's header");
static_assert((int)EXCHANGE_NONCE_LEN == (int)SIV_NONCE_MAX,
              "a request makes room for the reply's nonce");
static_assert((int)EXCHANGE_COOKIES_MAX <= UINT8_MAX, "batch.n_cookies counts them");
static_assert(COOKIE_LEN % 4 == 0, "a cookie fills its field");

// How many cookies a request with that many valid placeholders gets.
static inline unsigned seal_n_cookies(unsigned n_placeholders)
{
    return n_placeholders < EXCHANGE_COOKIES_MAX ? 1 + n_placeholders : EXCHANGE_COOKIES_MAX;
}

// Lays the field behind the reply's clear part (ntp_len octets) and adds it to ntp_len; sets
// n_cookies. Returns where the nonce goes, or NULL, with nothing written, when the reply would be
// longer than its request.
static inline uint8_t *seal_place(struct batch *batch, unsigned lane, unsigned n_cookies)
{
    uint32_t clear_len = batch->ntp_len[lane];
    uint32_t sealed_len = EXCHANGE_TAG_LEN + n_cookies * EXCHANGE_STRIDE;
    uint32_t body_len = AUTHENTICATOR_LENGTHS_LEN + EXCHANGE_NONCE_LEN + sealed_len;
    uint32_t whole_len = clear_len + FIELD_HEADER_LEN + body_len;
    if (whole_len > batch_request_len(batch, lane))
        return NULL;

    uint8_t *body = field_put(batch_reply(batch, lane) + clear_len, FIELD_AUTHENTICATOR, body_len);
    be32_put(body, EXCHANGE_NONCE_LEN << 16 | sealed_len);

    batch->n_cookies[lane] = (uint8_t)n_cookies;
    batch->ntp_len[lane] = (uint16_t)whole_len;
    return body + AUTHENTICATOR_LENGTHS_LEN;
}
