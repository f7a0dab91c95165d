// The vocabulary of the lanes on VAES with zmm registers: a vector is four lanes. Only for files
// that are built with this instruction set. Pure; any thread.
#pragma once

#include "crypto/hot_inline.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

// Octets, because the compiler's AES intrinsics take them: blocks that change their type between
// rounds are copied between registers.
typedef char vec __attribute__((vector_size(64), may_alias));
typedef __m512i words;

enum { VEC_LANES = 4 };
#ifndef LANES_FEW
enum { BLOCK_VECS = 4 };
#else
enum { BLOCK_VECS = 1 };
#endif

hot_inline __m128i vec_load_lane(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

hot_inline vec vec_spread(const uint8_t at[16])
{
    return (vec)_mm512_broadcast_i32x4(vec_load_lane(at));
}

hot_inline vec vec_load(const uint8_t *const at[VEC_LANES], size_t offset)
{
    words v = _mm512_castsi128_si512(vec_load_lane(at[0] + offset));
    v = _mm512_inserti32x4(v, vec_load_lane(at[1] + offset), 1);
    v = _mm512_inserti32x4(v, vec_load_lane(at[2] + offset), 2);
    return (vec)_mm512_inserti32x4(v, vec_load_lane(at[3] + offset), 3);
}

hot_inline void vec_store(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storeu_si128((__m128i *)(at[0] + offset), _mm512_castsi512_si128((words)v));
    _mm_storeu_si128((__m128i *)(at[1] + offset), _mm512_extracti32x4_epi32((words)v, 1));
    _mm_storeu_si128((__m128i *)(at[2] + offset), _mm512_extracti32x4_epi32((words)v, 2));
    _mm_storeu_si128((__m128i *)(at[3] + offset), _mm512_extracti32x4_epi32((words)v, 3));
}

// Transposes four vectors: between the blocks of one lane and one block of four lanes.
hot_inline void words_transpose(words v[4])
{
    words low01 = _mm512_shuffle_i32x4(v[0], v[1], 0x44);
    words high01 = _mm512_shuffle_i32x4(v[0], v[1], 0xee);
    words low23 = _mm512_shuffle_i32x4(v[2], v[3], 0x44);
    words high23 = _mm512_shuffle_i32x4(v[2], v[3], 0xee);
    v[0] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    v[1] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    v[2] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    v[3] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
}

// Loads two blocks of one lane, then two of another; the mask selects half blocks.
hot_inline words words_load_pair(const uint8_t *low, const uint8_t *high, uint8_t halves)
{
    words v = _mm512_castsi256_si512(_mm256_maskz_loadu_epi64(halves, low));
    return _mm512_inserti64x4(v, _mm256_maskz_loadu_epi64(halves, high), 1);
}

// Two loads per lane and half a transposition: cheaper than inserting each block separately, or
// than one load and a whole transposition.
hot_inline void vec_load_run(vec out[4], const uint8_t *const at[VEC_LANES], size_t offset,
                             unsigned n)
{
    unsigned halves = (1u << 2 * n) - 1;
#pragma GCC unroll 2
    for (unsigned i = 0; i < 2; i++) {
        uint8_t two = (uint8_t)(halves >> 4 * i & 0xf);
        words low = words_load_pair(at[0] + offset + 32 * i, at[1] + offset + 32 * i, two);
        words high = words_load_pair(at[2] + offset + 32 * i, at[3] + offset + 32 * i, two);
        out[2 * i] = (vec)_mm512_shuffle_i32x4(low, high, 0x88);
        out[2 * i + 1] = (vec)_mm512_shuffle_i32x4(low, high, 0xdd);
    }
}

hot_inline void vec_store_run(const vec in[4], uint8_t *const at[VEC_LANES], size_t offset,
                              unsigned len)
{
    words v[4];
    uint8_t halves = (uint8_t)((1u << len / 8) - 1);
    for (unsigned i = 0; i < 4; i++)
        v[i] = (words)in[i];
    words_transpose(v);
    for (unsigned l = 0; l < VEC_LANES; l++)
        _mm512_mask_storeu_epi64(at[l] + offset, halves, v[l]);
}

hot_inline vec vec_zero(void)
{
    return (vec)_mm512_setzero_si512();
}

hot_inline vec vec_xor(vec a, vec b)
{
    return (vec)_mm512_xor_si512((words)a, (words)b);
}

hot_inline vec vec_and(vec a, vec b)
{
    return (vec)_mm512_and_si512((words)a, (words)b);
}

hot_inline vec vec_add32(vec a, vec b)
{
    return (vec)_mm512_add_epi32((words)a, (words)b);
}

hot_inline vec vec_shuffle(vec v, vec control)
{
    return (vec)_mm512_shuffle_epi8((words)v, (words)control);
}

hot_inline vec vec_twice64(vec v)
{
    return (vec)_mm512_add_epi64((words)v, (words)v);
}

hot_inline vec vec_signs32(vec v)
{
    return (vec)_mm512_srai_epi32((words)v, 31);
}

hot_inline vec vec_down4(vec v)
{
    return (vec)_mm512_bslli_epi128((words)v, 4);
}

hot_inline vec vec_down8(vec v)
{
    return (vec)_mm512_bslli_epi128((words)v, 8);
}

hot_inline vec vec_low32(vec a, vec b)
{
    return (vec)_mm512_unpacklo_epi32((words)a, (words)b);
}

hot_inline vec vec_high32(vec a, vec b)
{
    return (vec)_mm512_unpackhi_epi32((words)a, (words)b);
}

hot_inline vec vec_low64(vec a, vec b)
{
    return (vec)_mm512_unpacklo_epi64((words)a, (words)b);
}

hot_inline vec vec_high64(vec a, vec b)
{
    return (vec)_mm512_unpackhi_epi64((words)a, (words)b);
}

hot_inline vec vec_splice(vec a, vec b)
{
    return (vec)_mm512_alignr_epi8((words)b, (words)a, 8);
}

hot_inline vec vec_enc(vec v, vec key)
{
    return (vec)_mm512_aesenc_epi128((words)v, (words)key);
}

hot_inline vec vec_enc_last(vec v, vec key)
{
    return (vec)_mm512_aesenclast_epi128((words)v, (words)key);
}

hot_inline uint32_t vec_equal(vec a, vec b)
{
    uint32_t halves = _mm512_cmpeq_epi64_mask((words)a, (words)b);
    halves &= halves >> 1;
    uint32_t pairs = (halves & 0x11) | (halves & 0x44) >> 1;
    return (pairs & 3) | pairs >> 2;
}

#include "crypto/lanes_vec.h"
