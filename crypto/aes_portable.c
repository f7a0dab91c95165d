// AES with one key on bit planes, for machines without AES instructions. A stream fills all lanes
// with counters; a chain, where each block waits for the previous one, uses only one lane. Pure;
// any thread. FIPS 197.
#include "crypto/aes.h"

#include "base/bytes.h"
#include "crypto/lanes_portable.h"

static bool portable_usable(void)
{
    return true;
}

static struct block encrypt(const struct block keys[AES_ROUND_KEYS], struct block b)
{
    b = block_xor(b, keys[0]);
    for (unsigned r = 1; r < AES_ROUND_KEYS - 1; r++)
        b = block_enc(b, keys[r]);
    return block_enc_last(b, keys[AES_ROUND_KEYS - 1]);
}

static void slice_keys(struct block keys[AES_ROUND_KEYS], const uint8_t *schedule)
{
    for (unsigned r = 0; r < AES_ROUND_KEYS; r++)
        keys[r] = block_broadcast(schedule + AES_BLOCK_LEN * r);
}

static void portable_expand(uint8_t *schedule, const uint8_t key[AES_KEY_LEN])
{
    struct block k = block_broadcast(key);
    unsigned rcon = 1;
    for (unsigned r = 0; r < AES_ROUND_KEYS; r++) {
        block_get_lane(&k, 0, schedule + AES_BLOCK_LEN * r);
        k = block_key_step(k, rcon);
        rcon = rcon << 1 ^ (rcon >> 7) * 0x11b;
    }
    bytes_wipe(&k, sizeof k);
}

static void portable_chain(const uint8_t *schedule, uint8_t state[16], const uint8_t *in, size_t n)
{
    struct block keys[AES_ROUND_KEYS];
    slice_keys(keys, schedule);
    struct block b = block_broadcast(state);
    for (size_t i = 0; i < n; i++)
        b = encrypt(keys, block_xor(b, block_broadcast(in + 16 * i)));
    block_get_lane(&b, 0, state);
    bytes_wipe(keys, sizeof keys);
    bytes_wipe(&b, sizeof b);
}

static void portable_stream(const uint8_t *schedule, uint8_t counter[16], uint8_t *out, size_t n)
{
    struct block keys[AES_ROUND_KEYS];
    slice_keys(keys, schedule);
    struct block b = block_zero();
    while (n > 0) {
        unsigned now = n < BLOCK_LANES ? (unsigned)n : BLOCK_LANES;
        for (unsigned l = 0; l < now; l++) {
            block_put_lane(&b, l, counter);
            aes_counter_next(counter);
        }
        b = encrypt(keys, b);
        for (unsigned l = 0; l < now; l++)
            block_get_lane(&b, l, out + 16 * l);
        out += 16 * now;
        n -= now;
    }
    bytes_wipe(keys, sizeof keys);
    bytes_wipe(&b, sizeof b);
}

const struct aes aes_portable = {
    .name = "portable",
    .usable = portable_usable,
    .expand = portable_expand,
    .chain = portable_chain,
    .stream = portable_stream,
};
