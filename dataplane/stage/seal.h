// The sealed field of a reply, all but what is random or secret: its header and lengths. RFC 8915,
// sections 5.6 and 5.7. Runs on a core's own batch.
//
//  0x0404 | length | 16 | 16 + 104 n | nonce 16 | tag 16 | n x (0x0204 | 104 | cookie 100)
//                                    ^ what is returned; from here on it is crypto/exchange.h's
#pragma once

#include "crypto/exchange.h"
#include "dataplane/stage/batch.h"

// How many cookies a request with that many valid placeholders gets.
static inline unsigned seal_cookies(unsigned n_placeholders)
{
    return n_placeholders < EXCHANGE_COOKIES_MAX ? 1 + n_placeholders : EXCHANGE_COOKIES_MAX;
}

// Lays the field behind the reply's clear part (ntp_len octets) and adds it to ntp_len; sets
// n_cookies. Returns where the nonce goes, or NULL, with nothing written, when the reply would be
// longer than its request.
uint8_t *seal_place(struct batch *batch, unsigned lane, unsigned n_cookies);
