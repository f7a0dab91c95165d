// Runs of blocks for the vocabularies with one or two lanes in a vector (lanes_aesni.h,
// lanes_vaes256.h): block by block, because a transposition would gain nothing. The includer must
// provide vec_load, vec_store and vec_zero (lanes_vec.h), and vec_store_half, which stores octets 0
// to 7 of each lane. Pure; any thread.
#pragma once

#include "crypto/hot_inline.h"

hot_inline void vec_load_run(vec out[4], const uint8_t *const at[VEC_LANES], size_t offset,
                             unsigned n)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = i < n ? vec_load(at, offset + 16 * i) : vec_zero();
}

hot_inline void vec_store_run(const vec in[4], uint8_t *const at[VEC_LANES], size_t offset,
                              unsigned len)
{
    for (unsigned i = 0; 16 * i < len; i++) {
        if (len - 16 * i >= 16)
            vec_store(in[i], at, offset + 16 * i);
        else
            vec_store_half(in[i], at, offset + 16 * i);
    }
}
