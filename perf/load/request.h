// The payloads of requests, right ones and wrong ones. RFC 5905, section 7.3; RFC 8915, section
// 5.7. An NTS request is
//
//   | NTP header 48 | unique identifier 36 | cookie | placeholders, each like the cookie |
//   | authenticator: header 4, lengths 4, nonce, tag |
//
// (of AEAD 15 both have 16 octets),
// and everything before the authenticator is what its tag covers. Whoever calls has it sealed.
// Pure; any thread.
#pragma once

#include "crypto/aead.h"
#include "perf/load/window.h"

#include <stdint.h>

enum {
    REQUEST_COOKIE_AT = 48 + 4 + WINDOW_UID_LEN + 4, // the octets of an NTS request's cookie
    REQUEST_NONCE_AT = 8, // within the authenticator field; the tag follows the nonce
};

// How long the authenticator field is.
static inline uint32_t request_seal_len(const struct aead_lengths *aead)
{
    return REQUEST_NONCE_AT + aead->nonce + aead->tag;
}

// What tells the receive timestamp of an interleaved request from its transmit timestamp: a reply
// in interleaved mode has the one as its origin, one in basic mode the other (RFC 9769, section 2).
#define REQUEST_INTERLEAVED_MARK (UINT64_C(1) << 40)

// A plain request. origin is the server's receive timestamp of the last reply to ask for
// interleaved mode, or 0. Returns its octets.
uint16_t request_plain(uint8_t *at, uint64_t transmit, uint64_t origin);

// An NTS request without its nonce and tag. Returns where the authenticator stands: the octets that
// its tag covers. The whole has request_seal_len more.
uint16_t request_nts(uint8_t *at, uint64_t transmit, const uint8_t *uid, const uint8_t *cookie,
                     uint32_t cookie_len, unsigned n_placeholders, const struct aead_lengths *aead);

// How long an NTS request is.
uint32_t request_nts_len(uint32_t cookie_len, unsigned n_placeholders,
                         const struct aead_lengths *aead);

// A header with fields behind it that cannot be: lengths of random that lead nowhere. random has 64
// octets. Returns its octets.
uint16_t request_garbage(uint8_t *at, uint64_t transmit, const uint8_t *random);
