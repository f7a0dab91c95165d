// One cookie at a time: sealed by control in NTS-KE, opened and sealed by the dataplane's slow
// path. RFC 8915, section 6. Pure; any thread.
#pragma once

#include "crypto/cookie_key.h"

#include <stdbool.h>
#include <stdint.h>

// Writes a whole cookie (COOKIE_LEN octets) with the given nonce for keys = C2S | S2C.
void cookie_seal(const struct cookie_key *key, const uint8_t nonce[COOKIE_NONCE_LEN],
                 const uint8_t keys[COOKIE_KEYS_LEN], uint8_t cookie[COOKIE_LEN]);

// Opens a cookie of COOKIE_LEN octets whose id is that of key. False, with keys wiped, when it was
// not sealed under it. The caller wipes keys after use.
bool cookie_open(const struct cookie_key *key, const uint8_t cookie[COOKIE_LEN],
                 uint8_t keys[COOKIE_KEYS_LEN]);
