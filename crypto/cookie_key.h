// A cookie key ready for use: schedules, and the constants that all its cookies share.
//
// A cookie is   I(4) | N(16) | V(16) | E(2 x key length)   key id, nonce, SIV tag, and C2S | S2C
// sealed by AES-SIV-CMAC-256 (RFC 5297) with I as associated data, for every AEAD of the session.
// RFC 8915, section 6 suggests the form; the checklist's decision 3 fixes ours.
//
// Only the length tells the session's AEAD, no octet does: 100 for AEAD 15; it would be 68 for 30,
// 132 for 16 and 164 for 17. The tag covers the keys with their length, so a cookie that is cut or
// extended to another AEAD's length is not genuine. Two AEADs with keys of the same length would
// need another mark: the lowest bit of a ring's key ids is reserved for it (board/keyring.h), and a
// cookie with that bit flipped is of the second AEAD. The length for an AEAD never changes: clients
// keep cookies for days, and request new ones of the same length.
//
// Contains key material: in ordinary memory that is wiped, never in EAL memory. Pure; any thread.
#pragma once

#include <stdint.h>

enum {
    COOKIE_KEY_LEN = 32,   // octets of one cookie key: MAC half | CTR half
    COOKIE_ID_LEN = 4,     // I, big endian
    COOKIE_NONCE_LEN = 16, // N
    COOKIE_TAG_LEN = 16,   // V
    COOKIE_KEYS_LEN = 64,  // C2S | S2C of AEAD 15, for which the batch kernels are written
    COOKIE_NONCE_AT = COOKIE_ID_LEN,
    COOKIE_TAG_AT = COOKIE_NONCE_AT + COOKIE_NONCE_LEN,
    COOKIE_KEYS_AT = COOKIE_TAG_AT + COOKIE_TAG_LEN,
    COOKIE_LEN = COOKIE_KEYS_AT + COOKIE_KEYS_LEN,
};

struct cookie_key {
    uint32_t id;
    _Alignas(16) uint8_t mac_schedule[11][16]; // AES-128 round keys of K1 (CMAC)
    _Alignas(16) uint8_t ctr_schedule[11][16]; // AES-128 round keys of K2 (CTR)
    // S2V after the associated data: dbl(CMAC(0^128)) ^ CMAC(AD), doubled once more; CMAC(nonce) is
    // xored to it next.
    _Alignas(16) uint8_t s2v_prefix[16];
    _Alignas(16) uint8_t subkey1[16]; // CMAC's K1: last block complete
    _Alignas(16) uint8_t subkey2[16]; // CMAC's K2: last block padded
};

// Prepares a key. ad is the associated data of its cookies: for our own keys the id in big endian,
// 4 octets. Imported keys may have none (ad_len 0): then S2V gets an empty component, as in nettle
// and therefore in chrony.
void cookie_key_expand(struct cookie_key *key, uint32_t id, const uint8_t secret[COOKIE_KEY_LEN],
                       const uint8_t *ad, uint32_t ad_len);

// The same with AD = id.
void cookie_key_expand_own(struct cookie_key *key, uint32_t id,
                           const uint8_t secret[COOKIE_KEY_LEN]);
