// A cookie key ready for use: schedules and the constants that every cookie under it shares.
//
// A cookie is   I(4) | N(16) | V(16) | E(2 x key length)   key id, nonce, SIV tag, and C2S | S2C
// sealed by AES-SIV-CMAC-256 (RFC 5297) with I as associated data, whatever the AEAD of the session
// is. RFC 8915, section 6 suggests the form; the checklist's decision 3 fixes ours.
//
// The length says which AEAD the session has, and no octet does: 100 for AEAD 15; it would be 68
// for 30, 132 for 16 and 164 for 17. The tag covers the keys with their length, so that a cookie
// that is cut or filled to another AEAD's length is not genuine. Two AEADs with keys of the same
// length need another sign: of a ring's key ids the lowest bit is kept free for it
// (board/keyring.h), and a cookie that has it flipped is of the second. The length for an AEAD
// never changes: clients hold cookies for days, and ask for new ones by their length.
//
// Holds key material: lives in ordinary memory that is wiped, never in EAL memory. Pure; any
// thread.
#pragma once

#include <stdint.h>

enum {
    COOKIE_KEY_LEN = 32,   // octets of one cookie key: MAC half | CTR half
    COOKIE_ID_LEN = 4,     // I, big endian
    COOKIE_NONCE_LEN = 16, // N
    COOKIE_TAG_LEN = 16,   // V
    COOKIE_KEYS_LEN = 64,  // C2S | S2C of AEAD 15, for which the batch kernels are made
    COOKIE_NONCE_AT = COOKIE_ID_LEN,
    COOKIE_TAG_AT = COOKIE_NONCE_AT + COOKIE_NONCE_LEN,
    COOKIE_KEYS_AT = COOKIE_TAG_AT + COOKIE_TAG_LEN,
    COOKIE_LEN = COOKIE_KEYS_AT + COOKIE_KEYS_LEN,
};

struct cookie_key {
    uint32_t id;
    _Alignas(16) uint8_t mac_schedule[11][16]; // AES-128 round keys of K1 (CMAC)
    _Alignas(16) uint8_t ctr_schedule[11][16]; // AES-128 round keys of K2 (CTR)
    // S2V after the associated data: dbl(CMAC(0^128)) ^ CMAC(AD), doubled once more and ready to be
    // xored with CMAC(nonce).
    _Alignas(16) uint8_t s2v_prefix[16];
    _Alignas(16) uint8_t subkey1[16]; // CMAC's K1: last block complete
    _Alignas(16) uint8_t subkey2[16]; // CMAC's K2: last block padded
};

// Makes a key ready. ad is the associated data of its cookies: the id in big endian, 4 octets, for
// our own keys. Imported ones may have none (ad_len 0): an empty component, which S2V takes in like
// any other, as nettle does and therefore chrony.
void cookie_key_expand(struct cookie_key *key, uint32_t id, const uint8_t secret[COOKIE_KEY_LEN],
                       const uint8_t *ad, uint32_t ad_len);

// The same with AD = id.
void cookie_key_expand_own(struct cookie_key *key, uint32_t id,
                           const uint8_t secret[COOKIE_KEY_LEN]);
