// AES with one key on VAES, over the vocabulary that the includer has chosen (lanes_vaes*.h). Only
// long streams are faster with wide vectors; the rest uses AES-NI. The random octets are such a
// stream: a request needs 32 of them, and with eight cookies nine times 16. Pure; any thread. FIPS
// 197.
#pragma once

#include "base/bytes.h"
#include "crypto/aes.h"
#include "crypto/hot_inline.h"

enum {
    STREAM_VECS = 8, // in flight: an AES round's latency divided by its throughput
    STREAM_BLOCKS = STREAM_VECS * VEC_LANES,
};

// The counter in each lane, its last word little-endian, plus the lane's number.
hot_inline vec stream_first(const uint8_t counter[16])
{
    static const uint32_t number[4][4] = {{0}, {0, 0, 0, 1}, {0, 0, 0, 2}, {0, 0, 0, 3}};
    vec numbers;
    memcpy(&numbers, number, sizeof numbers);
    return vec_add32(vec_counter_swap(vec_spread(counter)), numbers);
}

hot_inline void stream_blocks(const uint8_t *schedule, vec count, uint8_t *out)
{
    const vec step = vec_spread32(0, 0, 0, VEC_LANES);
    vec b[STREAM_VECS];
#pragma GCC unroll 8
    for (unsigned i = 0; i < STREAM_VECS; i++) {
        b[i] = vec_xor(vec_counter_swap(count), vec_spread(schedule));
        count = vec_add32(count, step);
    }
#pragma GCC unroll 1
    for (unsigned r = 1; r < BLOCK_ROUNDS; r++) {
        vec key = vec_spread(schedule + AES_BLOCK_LEN * r);
#pragma GCC unroll 8
        for (unsigned i = 0; i < STREAM_VECS; i++)
            b[i] = vec_enc(b[i], key);
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < STREAM_VECS; i++)
        b[i] = vec_enc_last(b[i], vec_spread(schedule + AES_BLOCK_LEN * BLOCK_ROUNDS));
    memcpy(out, b, sizeof b);
}

// Makes whole groups of blocks while the counter's last word does not overflow; AES-NI makes the
// rest.
hot_inline void stream(const uint8_t *schedule, uint8_t counter[16], uint8_t *out, size_t n)
{
    uint32_t low = be32_get(counter + 12);
    size_t done = 0;
    for (; n - done >= STREAM_BLOCKS && low <= UINT32_MAX - STREAM_BLOCKS; done += STREAM_BLOCKS) {
        stream_blocks(schedule, stream_first(counter), out + AES_BLOCK_LEN * done);
        low += STREAM_BLOCKS;
        be32_put(counter + 12, low);
    }
    if (done < n)
        aes_aesni.stream(schedule, counter, out + AES_BLOCK_LEN * done, n - done);
}
