// The steps of AES-SIV (RFC 5297) that siv.c, cookie_key.c and cookie.c share, over one
// implementation of AES; and the functions of siv.h with a given implementation, so that tests can
// reach each. Pure; any thread.
#pragma once

#include "crypto/aes.h"
#include "crypto/cookie_key.h"
#include "crypto/siv.h"

// Doubling in GF(2^128), big endian. RFC 5297, section 2.3; out may be in.
void siv_core_dbl(uint8_t out[16], const uint8_t in[16]);

// Schedules and CMAC's subkeys of a secret, and S2V before its first component.
void siv_core_start(const struct aes *aes, struct cookie_key *key,
                    const uint8_t secret[SIV_KEY_LEN]);

// AES-CMAC (RFC 4493) under the key's MAC half.
void siv_core_cmac(const struct aes *aes, const struct cookie_key *key, struct bytes_span part,
                   uint8_t mac[16]);

// Adds a component to S2V; an empty one is a component, too.
void siv_core_absorb(const struct aes *aes, struct cookie_key *key, struct bytes_span part);

// Completes S2V with the nonce and the plaintext; writes the tag.
void siv_core_tag(const struct aes *aes, const struct cookie_key *key, struct bytes_span nonce,
                  const uint8_t *plain, size_t len, uint8_t tag[SIV_TAG_LEN]);

// out = in ^ keystream of the tag; out may be in.
void siv_core_crypt(const struct aes *aes, const struct cookie_key *key,
                    const uint8_t tag[SIV_TAG_LEN], const uint8_t *in, size_t len, uint8_t *out);

// siv_seal and siv_open over a given AES.
void siv_seal_over(const struct aes *aes, const uint8_t key[SIV_KEY_LEN], struct bytes_span ad,
                   struct bytes_span nonce, const uint8_t *plain, size_t len, uint8_t *out);
bool siv_open_over(const struct aes *aes, const uint8_t key[SIV_KEY_LEN], struct bytes_span ad,
                   struct bytes_span nonce, const uint8_t *sealed, size_t len, uint8_t *plain);
