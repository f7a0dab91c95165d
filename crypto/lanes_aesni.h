// The vocabulary of the lanes on AES-NI: a vector is one lane. Only for files that are built with
// this instruction set. Pure; any thread.
#pragma once

#include "crypto/hot_inline.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m128i vec;

enum { VEC_LANES = 1 };
#ifndef LANES_FEW
enum { BLOCK_VECS = 4 };
#else
enum { BLOCK_VECS = 1 };
#endif

hot_inline vec vec_spread(const uint8_t at[16])
{
    return _mm_loadu_si128((const __m128i *)at);
}

hot_inline vec vec_zero(void)
{
    return _mm_setzero_si128();
}

hot_inline vec vec_load(const uint8_t *const at[VEC_LANES], size_t offset)
{
    return _mm_loadu_si128((const __m128i *)(at[0] + offset));
}

hot_inline void vec_store(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storeu_si128((__m128i *)(at[0] + offset), v);
}

hot_inline void vec_store_half(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storel_epi64((__m128i *)(at[0] + offset), v);
}

hot_inline vec vec_xor(vec a, vec b)
{
    return _mm_xor_si128(a, b);
}

hot_inline vec vec_and(vec a, vec b)
{
    return _mm_and_si128(a, b);
}

hot_inline vec vec_add32(vec a, vec b)
{
    return _mm_add_epi32(a, b);
}

hot_inline vec vec_shuffle(vec v, vec control)
{
    return _mm_shuffle_epi8(v, control);
}

hot_inline vec vec_twice64(vec v)
{
    return _mm_add_epi64(v, v);
}

hot_inline vec vec_signs32(vec v)
{
    return _mm_srai_epi32(v, 31);
}

hot_inline vec vec_down4(vec v)
{
    return _mm_slli_si128(v, 4);
}

hot_inline vec vec_down8(vec v)
{
    return _mm_slli_si128(v, 8);
}

hot_inline vec vec_low32(vec a, vec b)
{
    return _mm_unpacklo_epi32(a, b);
}

hot_inline vec vec_high32(vec a, vec b)
{
    return _mm_unpackhi_epi32(a, b);
}

hot_inline vec vec_low64(vec a, vec b)
{
    return _mm_unpacklo_epi64(a, b);
}

hot_inline vec vec_high64(vec a, vec b)
{
    return _mm_unpackhi_epi64(a, b);
}

hot_inline vec vec_splice(vec a, vec b)
{
    return _mm_alignr_epi8(b, a, 8);
}

hot_inline vec vec_enc(vec v, vec key)
{
    return _mm_aesenc_si128(v, key);
}

hot_inline vec vec_enc_last(vec v, vec key)
{
    return _mm_aesenclast_si128(v, key);
}

hot_inline uint32_t vec_equal(vec a, vec b)
{
    uint32_t octets = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));
    return (octets + 1) >> 16;
}

#include "crypto/lanes_runs.h"
#include "crypto/lanes_vec.h"
