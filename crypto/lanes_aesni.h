// The vocabulary of the lanes on AES-NI: a vector is one lane, a block four of them.
// Only for files that are built with this instruction set. Pure; any thread.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m128i vec;

enum { VEC_LANES = 1 };

static inline vec vec_spread(const uint8_t at[16])
{
    return _mm_loadu_si128((const __m128i *)at);
}

static inline vec vec_load(const uint8_t *const at[VEC_LANES], size_t offset)
{
    return _mm_loadu_si128((const __m128i *)(at[0] + offset));
}

static inline void vec_store(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storeu_si128((__m128i *)(at[0] + offset), v);
}

static inline void vec_store_half(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storel_epi64((__m128i *)(at[0] + offset), v);
}

static inline vec vec_zero(void)
{
    return _mm_setzero_si128();
}

static inline vec vec_xor(vec a, vec b)
{
    return _mm_xor_si128(a, b);
}

static inline vec vec_and(vec a, vec b)
{
    return _mm_and_si128(a, b);
}

static inline vec vec_add32(vec a, vec b)
{
    return _mm_add_epi32(a, b);
}

static inline vec vec_shuffle(vec v, vec control)
{
    return _mm_shuffle_epi8(v, control);
}

static inline vec vec_twice64(vec v)
{
    return _mm_add_epi64(v, v);
}

static inline vec vec_signs32(vec v)
{
    return _mm_srai_epi32(v, 31);
}

static inline vec vec_down4(vec v)
{
    return _mm_slli_si128(v, 4);
}

static inline vec vec_down8(vec v)
{
    return _mm_slli_si128(v, 8);
}

static inline vec vec_enc(vec v, vec key)
{
    return _mm_aesenc_si128(v, key);
}

static inline vec vec_enc_last(vec v, vec key)
{
    return _mm_aesenclast_si128(v, key);
}

static inline uint32_t vec_equal(vec a, vec b)
{
    uint32_t octets = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));
    return (octets + 1) >> 16;
}

#include "crypto/lanes_four.h"
