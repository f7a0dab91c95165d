// AES-128 (FIPS 197) with one key: three operations, and several implementations of them. Constant
// time with respect to keys and data. Pure; any thread. A schedule is secret: its owner wipes it.
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
    // A schedule has AES_SCHEDULE_LEN octets in all functions.
    void (*expand)(uint8_t *schedule, const uint8_t key[AES_KEY_LEN]);
    // For each of n blocks: state = E(state ^ block). The chain of CBC-MAC.
    void (*chain)(const uint8_t *schedule, uint8_t state[16], const uint8_t *in, size_t n);
    // Writes n blocks: E(counter), E(counter + 1), ... The counter has 128 bits, big endian;
    // afterwards it is one more than the last one used. out is 16 n octets.
    void (*stream)(const uint8_t *schedule, uint8_t counter[16], uint8_t *out, size_t n);
};

// All of them, fastest first; ends with NULL.
extern const struct aes *const aes_all[];

extern const struct aes aes_portable;
#ifdef __x86_64__
extern const struct aes aes_aesni, aes_vaes256, aes_vaes512;

// Wide vectors do not help with one key or one chain: the VAES variants use these of AES-NI.
void aes_aesni_expand(uint8_t *schedule, const uint8_t key[AES_KEY_LEN]);
void aes_aesni_chain(const uint8_t *schedule, uint8_t state[16], const uint8_t *in, size_t n);
#endif

// The fastest that this machine can run. The result is always the same.
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
