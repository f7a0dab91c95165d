// AES-128 (FIPS 197) with one key: three operations, and some implementations of them. Constant
// time in keys and content. Pure; any thread. A schedule is secret: its owner wipes it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AES_KEY_LEN = 16,
    AES_BLOCK_LEN = 16,
    AES_ROUND_KEYS = 11,
    AES_SCHEDULE_LEN = AES_ROUND_KEYS * AES_BLOCK_LEN, // round key 0, 1, ...
};

struct aes {
    const char *name;
    bool (*usable)(void); // can this machine run it?
    // A schedule is AES_SCHEDULE_LEN octets everywhere.
    void (*expand)(uint8_t *schedule, const uint8_t key[AES_KEY_LEN]);
    // For each of n blocks: state = E(state ^ block). CBC-MAC's chain.
    void (*chain)(const uint8_t *schedule, uint8_t state[16], const uint8_t *in, size_t n);
    // Writes n blocks: E(counter), E(counter + 1), ... The counter is 128 bits, big endian, and
    // stands behind the last block used afterwards. out is 16 n octets.
    void (*stream)(const uint8_t *schedule, uint8_t counter[16], uint8_t *out, size_t n);
};

// All of them, fastest first; ends with NULL.
extern const struct aes *const aes_all[];

extern const struct aes aes_portable;
#ifdef __x86_64__
extern const struct aes aes_aesni, aes_vaes256, aes_vaes512;

// For one key, or one chain, wide vectors are of no use: VAES has these from AES-NI.
void aes_aesni_expand(uint8_t *schedule, const uint8_t key[AES_KEY_LEN]);
void aes_aesni_chain(const uint8_t *schedule, uint8_t state[16], const uint8_t *in, size_t n);
#endif

// The fastest that this machine can run. Always the same answer.
const struct aes *aes_best(void);

// Adds one to a counter of 128 bits, in constant time.
static inline void aes_counter_next(uint8_t counter[16])
{
    unsigned carry = 1;
    for (unsigned i = 16; i-- > 0;) {
        carry += counter[i];
        counter[i] = (uint8_t)carry;
        carry >>= 8;
    }
}
