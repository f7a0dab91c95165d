// The payloads of requests, right ones and wrong ones. RFC 5905, section 7.3; RFC 8915, section
// 5.7. An NTS request is
//
//   | NTP header 48 | unique identifier 36 | cookie | placeholders, each like the cookie |
//   | authenticator 40: header 4, lengths 4, nonce 16, tag 16 |
//
// and everything before the authenticator is what its tag covers. Whoever calls has it sealed.
// Pure; any thread.
#pragma once

#include "perf/load/window.h"

#include <stdint.h>

enum {
    REQUEST_COOKIE_AT = 48 + 4 + WINDOW_UID_LEN + 4, // the octets of an NTS request's cookie
    REQUEST_NONCE_LEN = 16,
    REQUEST_TAG_LEN = 16,
    REQUEST_SEAL_LEN = 4 + 4 + REQUEST_NONCE_LEN + REQUEST_TAG_LEN,
    REQUEST_NONCE_AT = 8, // within the authenticator field
    REQUEST_TAG_AT = REQUEST_NONCE_AT + REQUEST_NONCE_LEN,
};

// What tells the receive timestamp of an interleaved request from its transmit timestamp: a reply
// in interleaved mode has the one as its origin, one in basic mode the other (RFC 9769, section 2).
#define REQUEST_INTERLEAVED_MARK (UINT64_C(1) << 40)

// A plain request. origin is the server's receive timestamp of the last reply to ask for
// interleaved mode, or 0. Returns its octets.
uint16_t request_plain(uint8_t *at, uint64_t transmit, uint64_t origin);

// An NTS request without its nonce and tag. Returns where the authenticator stands: the octets that
// its tag covers. The whole has REQUEST_SEAL_LEN more.
uint16_t request_nts(uint8_t *at, uint64_t transmit, const uint8_t *uid, const uint8_t *cookie,
                     uint32_t cookie_len, unsigned n_placeholders);

// How long an NTS request is.
uint32_t request_nts_len(uint32_t cookie_len, unsigned n_placeholders);

// A header with fields behind it that cannot be: lengths of random that lead nowhere. random has 64
// octets. Returns its octets.
uint16_t request_garbage(uint8_t *at, uint64_t transmit, const uint8_t *random);
