// The vocabulary of the lanes on VAES with zmm registers: a vector is four lanes, a block four
// vectors. Only for files that are built with this instruction set. Pure; any thread.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m512i vec;

enum { VEC_LANES = 4 };

static inline __m128i vec_load_lane(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

static inline vec vec_spread(const uint8_t at[16])
{
    return _mm512_broadcast_i32x4(vec_load_lane(at));
}

static inline vec vec_load(const uint8_t *const at[VEC_LANES], size_t offset)
{
    vec v = _mm512_castsi128_si512(vec_load_lane(at[0] + offset));
    v = _mm512_inserti32x4(v, vec_load_lane(at[1] + offset), 1);
    v = _mm512_inserti32x4(v, vec_load_lane(at[2] + offset), 2);
    return _mm512_inserti32x4(v, vec_load_lane(at[3] + offset), 3);
}

static inline void vec_store(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storeu_si128((__m128i *)(at[0] + offset), _mm512_castsi512_si128(v));
    _mm_storeu_si128((__m128i *)(at[1] + offset), _mm512_extracti32x4_epi32(v, 1));
    _mm_storeu_si128((__m128i *)(at[2] + offset), _mm512_extracti32x4_epi32(v, 2));
    _mm_storeu_si128((__m128i *)(at[3] + offset), _mm512_extracti32x4_epi32(v, 3));
}

static inline void vec_store_half(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storel_epi64((__m128i *)(at[0] + offset), _mm512_castsi512_si128(v));
    _mm_storel_epi64((__m128i *)(at[1] + offset), _mm512_extracti32x4_epi32(v, 1));
    _mm_storel_epi64((__m128i *)(at[2] + offset), _mm512_extracti32x4_epi32(v, 2));
    _mm_storel_epi64((__m128i *)(at[3] + offset), _mm512_extracti32x4_epi32(v, 3));
}

static inline vec vec_zero(void)
{
    return _mm512_setzero_si512();
}

static inline vec vec_xor(vec a, vec b)
{
    return _mm512_xor_si512(a, b);
}

static inline vec vec_and(vec a, vec b)
{
    return _mm512_and_si512(a, b);
}

static inline vec vec_add32(vec a, vec b)
{
    return _mm512_add_epi32(a, b);
}

static inline vec vec_shuffle(vec v, vec control)
{
    return _mm512_shuffle_epi8(v, control);
}

static inline vec vec_twice64(vec v)
{
    return _mm512_add_epi64(v, v);
}

static inline vec vec_signs32(vec v)
{
    return _mm512_srai_epi32(v, 31);
}

static inline vec vec_down4(vec v)
{
    return _mm512_bslli_epi128(v, 4);
}

static inline vec vec_down8(vec v)
{
    return _mm512_bslli_epi128(v, 8);
}

static inline vec vec_enc(vec v, vec key)
{
    return _mm512_aesenc_epi128(v, key);
}

static inline vec vec_enc_last(vec v, vec key)
{
    return _mm512_aesenclast_epi128(v, key);
}

static inline uint32_t vec_equal(vec a, vec b)
{
    uint32_t halves = _mm512_cmpeq_epi64_mask(a, b);
    halves &= halves >> 1;
    uint32_t pairs = (halves & 0x11) | (halves & 0x44) >> 1;
    return (pairs & 3) | pairs >> 2;
}

#include "crypto/lanes_four.h"
