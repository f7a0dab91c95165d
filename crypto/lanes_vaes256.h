// The vocabulary of the lanes on VAES with ymm registers: a vector is two lanes. Only for files
// that are built with this instruction set. Pure; any thread.
#pragma once

#include "crypto/hot_inline.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

// Octets, because the compiler's AES intrinsics take them: blocks that change their type between
// rounds are copied between registers.
typedef char vec __attribute__((vector_size(32), may_alias));
typedef __m256i words;

enum { VEC_LANES = 2 };
#ifndef LANES_FEW
enum { BLOCK_VECS = 4 };
#else
enum { BLOCK_VECS = 1 };
#endif

hot_inline vec vec_spread(const uint8_t at[16])
{
    return (vec)_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)at));
}

hot_inline vec vec_zero(void)
{
    return (vec)_mm256_setzero_si256();
}

hot_inline __m128i vec_load_lane(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

hot_inline vec vec_load(const uint8_t *const at[VEC_LANES], size_t offset)
{
    return (vec)_mm256_inserti128_si256(_mm256_castsi128_si256(vec_load_lane(at[0] + offset)),
                                        vec_load_lane(at[1] + offset), 1);
}

hot_inline void vec_store(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storeu_si128((__m128i *)(at[0] + offset), _mm256_castsi256_si128((words)v));
    _mm_storeu_si128((__m128i *)(at[1] + offset), _mm256_extracti128_si256((words)v, 1));
}

hot_inline void vec_store_half(vec v, uint8_t *const at[VEC_LANES], size_t offset)
{
    _mm_storel_epi64((__m128i *)(at[0] + offset), _mm256_castsi256_si128((words)v));
    _mm_storel_epi64((__m128i *)(at[1] + offset), _mm256_extracti128_si256((words)v, 1));
}

hot_inline vec vec_xor(vec a, vec b)
{
    return (vec)_mm256_xor_si256((words)a, (words)b);
}

hot_inline vec vec_and(vec a, vec b)
{
    return (vec)_mm256_and_si256((words)a, (words)b);
}

hot_inline vec vec_add32(vec a, vec b)
{
    return (vec)_mm256_add_epi32((words)a, (words)b);
}

hot_inline vec vec_shuffle(vec v, vec control)
{
    return (vec)_mm256_shuffle_epi8((words)v, (words)control);
}

hot_inline vec vec_twice64(vec v)
{
    return (vec)_mm256_add_epi64((words)v, (words)v);
}

hot_inline vec vec_signs32(vec v)
{
    return (vec)_mm256_srai_epi32((words)v, 31);
}

hot_inline vec vec_down4(vec v)
{
    return (vec)_mm256_bslli_epi128((words)v, 4);
}

hot_inline vec vec_down8(vec v)
{
    return (vec)_mm256_bslli_epi128((words)v, 8);
}

hot_inline vec vec_low32(vec a, vec b)
{
    return (vec)_mm256_unpacklo_epi32((words)a, (words)b);
}

hot_inline vec vec_high32(vec a, vec b)
{
    return (vec)_mm256_unpackhi_epi32((words)a, (words)b);
}

hot_inline vec vec_low64(vec a, vec b)
{
    return (vec)_mm256_unpacklo_epi64((words)a, (words)b);
}

hot_inline vec vec_high64(vec a, vec b)
{
    return (vec)_mm256_unpackhi_epi64((words)a, (words)b);
}

hot_inline vec vec_splice(vec a, vec b)
{
    return (vec)_mm256_alignr_epi8((words)b, (words)a, 8);
}

hot_inline vec vec_enc(vec v, vec key)
{
    return (vec)_mm256_aesenc_epi128((words)v, (words)key);
}

hot_inline vec vec_enc_last(vec v, vec key)
{
    return (vec)_mm256_aesenclast_epi128((words)v, (words)key);
}

hot_inline uint32_t vec_equal(vec a, vec b)
{
    uint32_t octets = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8((words)a, (words)b));
    uint32_t low = ((octets & 0xffff) + 1) >> 16;
    uint32_t high = ((octets >> 16) + 1) >> 16;
    return low | high << 1;
}

#include "crypto/lanes_runs.h"
#include "crypto/lanes_vec.h"
