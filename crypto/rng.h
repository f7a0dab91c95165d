// Random octets for one core without a system call a packet: AES-CTR with fast key erasure, seeded
// by the kernel's getrandom, reseeded through rng_reseed. Nonces need uniqueness, timestamps' low
// bits unpredictability.
//
// A struct rng belongs to one thread. Holds secrets: ordinary memory, never EAL memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RNG_SEED_LEN = 48,
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

void rng_wipe(struct rng *rng);
