// Random octets: the properties of a generator beyond random output.
#include "crypto/rng.h"

#include "tests/crypto/support.h"

#include <nettle/aes.h>
#include <stdlib.h>

static void seed_of(uint8_t seed[RNG_SEED_LEN], uint64_t number)
{
    fill_mixed(&number, seed, RNG_SEED_LEN);
}

static struct rng started(uint64_t number)
{
    uint8_t seed[RNG_SEED_LEN];
    struct rng rng;
    rng_init(&rng);
    seed_of(seed, number);
    rng_reseed(&rng, seed);
    return rng;
}

// F23: a generator that was never seeded says so.
static void not_ready(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng);
    assert_false(rng_ready(&rng));
    rng = started(1);
    assert_true(rng_ready(&rng));
    rng_wipe(&rng);
    assert_false(rng_ready(&rng));
}

// One step of fast key erasure, by nettle: the stream of a state, whose head is the next state.
static void step(uint8_t key[32], uint8_t *out, size_t len)
{
    struct aes128_ctx nettle;
    uint8_t counter[16];
    aes128_set_encrypt_key(&nettle, key);
    memcpy(counter, key + 16, 16);
    for (size_t at = 0; at < 32 + len; at += 16) {
        aes128_encrypt(&nettle, 16, at < 32 ? key + at : out + at - 32, counter);
        for (unsigned o = 16; o-- > 0 && ++counter[o] == 0;)
            ;
    }
}

// The construction, written a second time over another AES.
static void known_stream(void **state)
{
    (void)state;
    uint8_t seed[RNG_SEED_LEN], key[32] = {0}, got[2][1024], pool[RNG_POOL_LEN];
    seed_of(seed, 2);
    struct rng rng = started(2);
    step(key, NULL, 0);
    for (unsigned i = 0; i < 32; i++)
        key[i] ^= seed[i];
    step(key, NULL, 0);
    for (unsigned i = 32; i < RNG_SEED_LEN; i++)
        key[i - 32] ^= seed[i];
    step(key, NULL, 0);
    for (unsigned refill = 0; refill < 3; refill++) {
        step(key, pool, sizeof pool);
        for (unsigned at = 0; at < RNG_POOL_LEN; at += 1024) {
            rng_fill(&rng, got[0], 1024);
            assert_memory_equal(got[0], pool + at, 1024);
        }
    }
    // A request that the pool cannot meet whole starts the next one.
    rng_fill(&rng, got[0], 1000);
    step(key, pool, sizeof pool);
    assert_memory_equal(got[0], pool, 1000);
    for (unsigned i = 0; i < 3; i++)
        rng_fill(&rng, got[0], 1000);
    rng_fill(&rng, got[1], 1000);
    step(key, pool, sizeof pool);
    assert_memory_equal(got[1], pool, 1000);
}

// Blocks are the same stream, taken in the same helpings, and are wiped as well.
static void blocks_are_the_same_stream(void **state)
{
    (void)state;
    struct rng a = started(9), b = started(9);
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t x[9 * RNG_BLOCK_LEN], y[sizeof x];
        unsigned n = 1 + i * 7 % 9;
        if (i % 50 == 0) { // out of step with whole blocks
            rng_fill(&a, x, 8);
            rng_fill(&b, y, 8);
        }
        rng_fill(&a, x, n * (size_t)RNG_BLOCK_LEN);
        rng_blocks(&b, y, n);
        assert_memory_equal(x, y, n * (size_t)RNG_BLOCK_LEN);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

// What was handed out cannot be found in the state, nor computed from it: the used octets are gone
// and the key is a later one.
static void used_octets_are_wiped(void **state)
{
    (void)state;
    struct rng rng = started(3);
    uint8_t out[48];
    uint8_t before[32];
    memcpy(before, rng.key, 32);
    for (unsigned i = 0; i < 200; i++) {
        rng_fill(&rng, out, sizeof out);
        const uint8_t *octets = (const uint8_t *)&rng;
        assert_null(memmem(octets, sizeof rng, out, 16));
        assert_null(memmem(octets, sizeof rng, before, 16));
        assert_null(memmem(rng.pool, sizeof rng.pool, rng.key, 16));
    }
}

// Two generators that differ in one octet of one seed share nothing, whichever of the seeds it is:
// every octet counts, and a seed that an attacker knows or sets does not undo a good one. F24: of
// two copies of one state, both reseeded, neither repeats the other.
static void every_seed_counts(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 2 * RNG_SEED_LEN; at++) {
        struct rng a, b;
        uint8_t seed[RNG_SEED_LEN], x[64], y[64];
        rng_init(&a);
        rng_init(&b);
        for (unsigned which = 0; which < 2; which++) {
            if (which == 0)
                seed_of(seed, 4);
            else
                memset(seed, 0, sizeof seed);
            rng_reseed(&a, seed);
            if (at / RNG_SEED_LEN == which)
                seed[at % RNG_SEED_LEN] ^= 1;
            rng_reseed(&b, seed);
        }
        rng_fill(&a, x, sizeof x);
        rng_fill(&b, y, sizeof y);
        for (unsigned i = 0; i < sizeof x; i += 16)
            assert_memory_not_equal(x + i, y + i, 16);
    }
}

// A reseed discards the pool.
static void reseed_changes_the_output(void **state)
{
    (void)state;
    struct rng a = started(5);
    uint8_t x[64], y[64], seed[RNG_SEED_LEN];
    rng_fill(&a, x, sizeof x);
    struct rng b = a;
    seed_of(seed, 6);
    rng_reseed(&b, seed);
    rng_fill(&a, x, sizeof x);
    rng_fill(&b, y, sizeof y);
    assert_memory_not_equal(x, y, sizeof x);
}

static int by_octets(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

// No nonce occurs twice, within a generator or across two of them; about half the bits are set.
static void no_duplicates(void **state)
{
    (void)state;
    enum { N = 1 << 17 };
    uint8_t(*nonce)[16] = malloc((size_t)N * 16);
    assert_non_null(nonce);
    struct rng rng[2] = {started(7), started(8)};
    for (unsigned i = 0; i < N; i++)
        rng_fill(&rng[i % 2], nonce[i], 16);
    uint64_t ones = 0;
    for (unsigned i = 0; i < N; i++)
        for (unsigned o = 0; o < 16; o++)
            ones += (unsigned)__builtin_popcount(nonce[i][o]);
    // 2^24 bits: one standard deviation is 2048.
    assert_in_range(ones, (1 << 23) - 6 * 2048, (1 << 23) + 6 * 2048);
    qsort(nonce, N, 16, by_octets);
    for (unsigned i = 1; i < N; i++)
        assert_memory_not_equal(nonce[i - 1], nonce[i], 16);
    free(nonce);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_ready),
        cmocka_unit_test(known_stream),
        cmocka_unit_test(blocks_are_the_same_stream),
        cmocka_unit_test(used_octets_are_wiped),
        cmocka_unit_test(every_seed_counts),
        cmocka_unit_test(reseed_changes_the_output),
        cmocka_unit_test(no_duplicates),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
