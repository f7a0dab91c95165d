// AES-128-CTR with fast key erasure. The 32 octets of `key` are an AES key and its first counter;
// each refill first makes the next 32 octets and overwrites them before any octet is returned, so
// the state tells nothing about octets already used. One thread per object.
#include "crypto/rng.h"

#include "base/bytes.h"
#include "crypto/aes.h"

#include <assert.h>
#include <string.h>

enum { STATE_LEN = 32 };
static_assert(RNG_POOL_LEN % AES_BLOCK_LEN == 0 && STATE_LEN % AES_BLOCK_LEN == 0,
              "the stream is made in whole blocks");

// Replaces the state with the first octets of its own stream, and writes the following octets to
// out.
static void advance(struct rng *rng, uint8_t *out, size_t len)
{
    const struct aes *aes = aes_best();
    uint8_t schedule[AES_SCHEDULE_LEN];
    uint8_t counter[16];
    aes->expand(schedule, rng->key);
    memcpy(counter, rng->key + AES_KEY_LEN, sizeof counter);
    aes->stream(schedule, counter, rng->key, STATE_LEN / AES_BLOCK_LEN);
    if (len > 0)
        aes->stream(schedule, counter, out, len / AES_BLOCK_LEN);
    bytes_wipe(schedule, sizeof schedule);
    bytes_wipe(counter, sizeof counter);
}

void rng_init(struct rng *rng)
{
    memset(rng, 0, sizeof *rng);
    rng->at = RNG_POOL_LEN;
}

// The seed is xored into the stream of the old state, in two parts: the result is as good as the
// better of the two, so a bad seed cannot spoil a good state.
void rng_reseed(struct rng *rng, const uint8_t seed[RNG_SEED_LEN])
{
    advance(rng, NULL, 0);
    for (unsigned i = 0; i < STATE_LEN; i++)
        rng->key[i] ^= seed[i];
    advance(rng, NULL, 0);
    for (unsigned i = STATE_LEN; i < RNG_SEED_LEN; i++)
        rng->key[i - STATE_LEN] ^= seed[i];
    advance(rng, NULL, 0);
    bytes_wipe(rng->pool, sizeof rng->pool);
    rng->at = RNG_POOL_LEN;
    rng->seeded = true;
}

// The rest of the pool is dropped, not joined with the next one: requests are small.
void rng_refill(struct rng *rng)
{
    assert(rng->seeded);
    advance(rng, rng->pool, sizeof rng->pool);
    rng->at = 0;
}

void rng_fill(struct rng *rng, uint8_t *out, size_t n)
{
    assert(rng->seeded && n <= RNG_POOL_LEN / 2);
    if (n > RNG_POOL_LEN - rng->at)
        rng_refill(rng);
    memcpy(out, rng->pool + rng->at, n);
    bytes_wipe(rng->pool + rng->at, n);
    rng->at += (uint32_t)n;
}

void rng_wipe(struct rng *rng)
{
    bytes_wipe(rng, sizeof *rng);
    rng->at = RNG_POOL_LEN;
}
