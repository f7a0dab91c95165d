// Parses and checks a reply like a strict client, except for the cryptography: RFC 5905,
// section 7.3; RFC 8915, section 5.7; RFC 9769. The first check that fails gives the wrong reply
// its name. Pure; any thread.
#pragma once

#include "dataplane/wire/fields.h"
#include "perf/load/tally.h"
#include "perf/load/window.h"

#include <stdbool.h>
#include <stdint.h>

struct reply {
    uint64_t receive;    // the server's timestamps
    uint64_t transmit;   //
    uint32_t dispersion; // root dispersion, in units of 2^-16 s
    int8_t precision;    // log2 of seconds
    bool interleaved;
    bool sealed;               // the fields below are set
    uint16_t covered;          // octets before the authenticator
    struct authenticator seal; // position of nonce and ciphertext
};

// Whether the length is one that an NTP packet can have.
static inline bool reply_has_length(uint32_t len)
{
    return len >= 48 && len % 4 == 0;
}

// The origin timestamp.
uint64_t reply_origin(const uint8_t *payload);

// Parses a reply to a slot's request; its origin timestamp must be that of the slot. aead: that of
// the request's session, or NULL for a plain request. Returns TALLY_ANSWERED (with *reply filled
// in; a sealed one must still be decrypted), TALLY_NAK, a kiss code or a fault.
enum tally_item reply_examine(const uint8_t *payload, uint32_t len, const struct slot *slot,
                              const struct aead *aead, struct reply *reply);

// Walks the plaintext of a decrypted reply and sets cookies to its n cookies, at most CLIENT_JAR.
// False when the plaintext is wrong: no cookie, more than requested, one of another length than
// cookie_len, or malformed fields.
bool reply_cookies(const uint8_t *plain, uint32_t len, uint32_t cookie_len, unsigned asked,
                   const uint8_t *cookies[], unsigned *n);
