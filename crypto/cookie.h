// One cookie at a time: sealed by ke in NTS-KE, opened and sealed by the dataplane's slow path. RFC
// 8915, section 6. Pure; any thread.
#pragma once

#include "crypto/cookie_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Writes a whole cookie, COOKIE_KEYS_AT + keys_len octets, with the given nonce. keys is C2S | S2C.
void cookie_seal(const struct cookie_key *key, const uint8_t nonce[COOKIE_NONCE_LEN],
                 const uint8_t *keys, size_t keys_len, uint8_t *cookie);

// Opens a cookie of COOKIE_KEYS_AT + keys_len octets whose id is that of key. False, with keys
// wiped, when it was not sealed with that key and that length. The caller wipes keys after use.
bool cookie_open(const struct cookie_key *key, const uint8_t *cookie, uint8_t *keys,
                 size_t keys_len);
