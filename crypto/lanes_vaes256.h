// The vocabulary of the lanes on VAES with ymm registers: a vector is two lanes, a block four
// vectors. Only for files that are built with this instruction set. Pure; any thread.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m256i vec;

enum { VEC_LANES = 2 };

static inline vec vec_spread(const uint8_t at[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)at));
}

static inline __m128i vec_load_lane(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

static inline vec vec_load(const uint8_t *const at[VEC_LANES], size_t offset)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(vec_load_lane(at[0] + offset)),
                                   vec_load_lane(at[1] + offset), 1);
}

static inline void vec_store(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storeu_si128((__m128i *)(at[0] + offset), _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(at[1] + offset), _mm256_extracti128_si256(v, 1));
}

static inline void vec_store_half(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storel_epi64((__m128i *)(at[0] + offset), _mm256_castsi256_si128(v));
    _mm_storel_epi64((__m128i *)(at[1] + offset), _mm256_extracti128_si256(v, 1));
}

static inline vec vec_zero(void)
{
    return _mm256_setzero_si256();
}

static inline vec vec_xor(vec a, vec b)
{
    return _mm256_xor_si256(a, b);
}

static inline vec vec_and(vec a, vec b)
{
    return _mm256_and_si256(a, b);
}

static inline vec vec_add32(vec a, vec b)
{
    return _mm256_add_epi32(a, b);
}

static inline vec vec_shuffle(vec v, vec control)
{
    return _mm256_shuffle_epi8(v, control);
}

static inline vec vec_twice64(vec v)
{
    return _mm256_add_epi64(v, v);
}

static inline vec vec_signs32(vec v)
{
    return _mm256_srai_epi32(v, 31);
}

static inline vec vec_down4(vec v)
{
    return _mm256_bslli_epi128(v, 4);
}

static inline vec vec_down8(vec v)
{
    return _mm256_bslli_epi128(v, 8);
}

static inline vec vec_enc(vec v, vec key)
{
    return _mm256_aesenc_epi128(v, key);
}

static inline vec vec_enc_last(vec v, vec key)
{
    return _mm256_aesenclast_epi128(v, key);
}

static inline uint32_t vec_equal(vec a, vec b)
{
    uint32_t octets = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b));
    uint32_t low = ((octets & 0xffff) + 1) >> 16;
    uint32_t high = ((octets >> 16) + 1) >> 16;
    return low | high << 1;
}

#include "crypto/lanes_four.h"
