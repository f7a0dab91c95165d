// Random octets for one core without a system call for each packet: AES-CTR with fast key erasure,
// seeded by the kernel's getrandom, reseeded with rng_reseed. Nonces must be unique, and the low
// bits of timestamps must be unpredictable.
//
// A struct rng belongs to one thread. Contains secrets: ordinary memory, never EAL memory.
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
    _Alignas(64) uint8_t pool[RNG_POOL_LEN]; // unused octets start at `at`; used octets are wiped
    uint32_t at;
    bool seeded;
    uint8_t key[32]; // never the key that made the octets in pool
};

// Makes a generator that is not seeded: rng_ready is false until rng_reseed.
void rng_init(struct rng *rng);

// Mixes RNG_SEED_LEN octets from the kernel into the state; discards the pool.
void rng_reseed(struct rng *rng, const uint8_t seed[RNG_SEED_LEN]);

static inline bool rng_ready(const struct rng *rng)
{
    return rng->seeded;
}

// Writes n random octets (n is at most RNG_POOL_LEN / 2). The generator must be ready.
void rng_fill(struct rng *rng, uint8_t *out, size_t n);

// Makes a new pool. Only for rng_fill and rng_blocks.
void rng_refill(struct rng *rng);

// rng_fill of n times RNG_BLOCK_LEN octets, inline, for code in which three nested calls cost too
// much.
static inline void rng_blocks(struct rng *rng, uint8_t *out, unsigned n)
{
    if (n * RNG_BLOCK_LEN > RNG_POOL_LEN - rng->at)
        rng_refill(rng);
    uint8_t *from = rng->pool + rng->at;
    for (unsigned i = 0; i < n; i++, from += RNG_BLOCK_LEN, out += RNG_BLOCK_LEN) {
        memcpy(out, from, RNG_BLOCK_LEN);
        memset(from, 0, RNG_BLOCK_LEN);
    }
    __asm__ __volatile__("" : "+m"(rng->pool)); // so that the compiler keeps the wiping
    rng->at += n * RNG_BLOCK_LEN;
}

void rng_wipe(struct rng *rng);
