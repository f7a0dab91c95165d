// Writes the payloads of requests, valid and malformed. RFC 5905, section 7.3; RFC 8915,
// section 5.7. An NTS request is
//
//   | NTP header 48 | unique identifier 36 | cookie | placeholders, each like the cookie |
//   | authenticator: header 4, lengths 4, nonce, tag |
// (with AEAD 15, nonce and tag have 16 octets each). The tag covers everything before the
// authenticator; the caller computes it. Pure; any thread.
#pragma once

#include "crypto/aead.h"
#include "perf/load/window.h"

#include <stdint.h>

enum {
    REQUEST_COOKIE_AT = 48 + 4 + WINDOW_UID_LEN + 4, // the octets of an NTS request's cookie
    REQUEST_NONCE_AT = 8, // within the authenticator field; the tag follows the nonce
};

// The length of the authenticator field.
static inline uint32_t request_seal_len(const struct aead_lengths *aead)
{
    return REQUEST_NONCE_AT + aead->nonce + aead->tag;
}

// The difference between the receive and the transmit timestamp of an interleaved request: a reply
// in interleaved mode has the former as its origin timestamp, a reply in basic mode the latter (RFC
// 9769, section 2).
#define REQUEST_INTERLEAVED_MARK (UINT64_C(1) << 40)

// Writes a plain request. origin: the server's receive timestamp of the last reply, to request
// interleaved mode, or 0. Returns the number of octets.
uint16_t request_plain(uint8_t *at, uint64_t transmit, uint64_t origin);

// Writes an NTS request without nonce and tag. Returns the offset of the authenticator, which is
// the number of octets that the tag covers. The whole request has request_seal_len more.
uint16_t request_nts(uint8_t *at, uint64_t transmit, const uint8_t *uid, const uint8_t *cookie,
                     uint32_t cookie_len, unsigned n_placeholders, const struct aead_lengths *aead);

// The length of an NTS request.
uint32_t request_nts_len(uint32_t cookie_len, unsigned n_placeholders,
                         const struct aead_lengths *aead);

// Writes a header with malformed fields of random lengths. random has 64 octets. Returns the number
// of octets.
uint16_t request_garbage(uint8_t *at, uint64_t transmit, const uint8_t *random);
