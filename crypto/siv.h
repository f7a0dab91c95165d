// AES-SIV-CMAC-256 (RFC 5297), one message at a time: the functions of its row in aead.h. S2V runs
// over (AD, nonce, plaintext); the output is V | C, tag first. OpenSSL's AES-SIV (3.0) is not used,
// because it accepts any tag when the plaintext is empty, as in each NTS request. Constant time
// with respect to keys and data in every variant. Pure; any thread. A key schedule is secret: the
// owner wipes it.
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIV_KEY_LEN = 32,
    SIV_TAG_LEN = 16,
};

// Seals len octets of plain (may be NULL when len is 0) into out: SIV_TAG_LEN + len octets. out +
// 16 may be plain itself (in place); no other overlap. nonce.len is 1 or more.
void siv_seal(const uint8_t key[SIV_KEY_LEN], struct bytes_span ad, struct bytes_span nonce,
              const uint8_t *plain, size_t len, uint8_t *out);

// Opens sealed (tag | ciphertext, len octets in all, 16 or more) into plain (len - 16 octets, may
// be NULL when that is 0). False, with plain wiped, when the tag is wrong or len is under 16.
bool siv_open(const uint8_t key[SIV_KEY_LEN], struct bytes_span ad, struct bytes_span nonce,
              const uint8_t *sealed, size_t len, uint8_t *plain);
