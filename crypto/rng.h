// Random octets for one core without a system call a packet: AES-CTR with fast key erasure, seeded
// by the kernel's getrandom, reseeded through rng_reseed. Nonces need uniqueness, timestamps' low
// bits unpredictability.
//
// A struct rng belongs to one thread. Holds secrets: ordinary memory, never EAL memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    RNG_SEED_LEN = 48,
    RNG_BLOCK_LEN = 16,
    RNG_POOL_LEN = 4096,
};

struct rng {
    _Alignas(
        64) uint8_t pool[RNG_POOL_LEN]; // what is left of it starts at `at`; used octets are wiped
    uint32_t at;
    bool seeded;
    uint8_t key[32]; // never the key that made what is in pool
};

// Not seeded yet: rng_ready is false until rng_reseed.
void rng_init(struct rng *rng);

// Mixes RNG_SEED_LEN octets from the kernel into the state; what the pool held is discarded.
void rng_reseed(struct rng *rng, const uint8_t seed[RNG_SEED_LEN]);

static inline bool rng_ready(const struct rng *rng)
{
    return rng->seeded;
}

// Writes n random octets (n is at most RNG_POOL_LEN / 2). The generator must be ready.
void rng_fill(struct rng *rng, uint8_t *out, size_t n);

// Makes the pool anew. rng_fill's and rng_blocks' own.
void rng_refill(struct rng *rng);

// rng_fill of n times RNG_BLOCK_LEN octets, where a call of three functions would count.
static inline void rng_blocks(struct rng *rng, uint8_t *out, unsigned n)
{
    if (n * RNG_BLOCK_LEN > RNG_POOL_LEN - rng->at)
        rng_refill(rng);
    uint8_t *from = rng->pool + rng->at;
    for (unsigned i = 0; i < n; i++, from += RNG_BLOCK_LEN, out += RNG_BLOCK_LEN) {
        memcpy(out, from, RNG_BLOCK_LEN);
        memset(from, 0, RNG_BLOCK_LEN);
    }
    __asm__ __volatile__("" : "+m"(rng->pool)); // the compiler keeps the wiping
    rng->at += n * RNG_BLOCK_LEN;
}

void rng_wipe(struct rng *rng);
