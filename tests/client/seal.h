// AES-SIV-CMAC-256 by Nettle: the tests' own crypto, so that an error in the server's cannot hide
// in its tests. RFC 5297: S2V over (associated data, nonce, plaintext); tag first. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEAL_KEY_LEN = 32,
    SEAL_TAG_LEN = 16,
};

// Writes tag and ciphertext, 16 + len octets, to out. nonce_len is 1 or more.
void seal_close(const uint8_t key[SEAL_KEY_LEN], const uint8_t *ad, size_t ad_len,
                const uint8_t *nonce, size_t nonce_len, const uint8_t *plain, size_t len,
                uint8_t *out);

// Opens len octets (16 or more) of tag and ciphertext. False when the tag is wrong.
bool seal_open(const uint8_t key[SEAL_KEY_LEN], const uint8_t *ad, size_t ad_len,
               const uint8_t *nonce, size_t nonce_len, const uint8_t *sealed, size_t len,
               uint8_t *plain);
