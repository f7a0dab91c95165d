// Reads a reply as a strict client does, all that costs no cryptography: RFC 5905, section 7.3;
// RFC 8915, section 5.7; RFC 9769. The first check that fails gives the wrong reply its name.
// Pure; any thread.
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
    bool sealed;               // what follows is set
    uint16_t covered;          // octets before the authenticator
    struct authenticator seal; // where nonce and sealed octets are
};

// Is it long enough to be looked at, and as long as an NTP packet may be?
static inline bool reply_has_length(uint32_t len)
{
    return len >= 48 && len % 4 == 0;
}

// The origin timestamp.
uint64_t reply_origin(const uint8_t *payload);

// Reads a reply to a slot's request, whose origin timestamp is known to be that of the slot. aead:
// that of the request's session, or NULL when it was no NTS request. Returns TALLY_ANSWERED (with
// reply filled in; a sealed one is still to be opened), TALLY_NAK, a kiss or what is wrong.
enum tally_item reply_examine(const uint8_t *payload, uint32_t len, const struct slot *slot,
                              const struct aead *aead, struct reply *reply);

// Walks the plaintext of a reply that was opened and points cookies, CLIENT_JAR of them at the
// most, to its n cookies. False when it is not as a server must make it: no cookie, more than asked
// for, one of another length than cookie_len, or a malformed chain.
bool reply_cookies(const uint8_t *plain, uint32_t len, uint32_t cookie_len, unsigned asked,
                   const uint8_t *cookies[], unsigned *n);
