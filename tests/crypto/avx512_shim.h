// The AVX-512 and VAES instructions that crypto/lanes_vaes512.h uses, in plain C after Intel's
// description of them, so that the logic of that vocabulary is tested on processors that lack them.
// To be included before that header. AES here is FIPS 197 with a table that is computed from the
// S-box's definition: it shares nothing with crypto/.
#pragma once

#define hot_inline static inline

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t shim512 __attribute__((vector_size(64)));

static inline shim512 shim_zero(void)
{
    return (shim512){0};
}

static inline __m128i shim_extract(shim512 v, unsigned lane)
{
    return _mm_loadu_si128((const __m128i *)((const uint8_t *)&v + 16 * lane));
}

static inline __m128i shim_low(shim512 v)
{
    return shim_extract(v, 0);
}

static inline shim512 shim_insert(shim512 v, __m128i x, unsigned lane)
{
    _mm_storeu_si128((__m128i *)((uint8_t *)&v + 16 * lane), x);
    return v;
}

// The upper lanes of a cast are undefined: here they are filled with what must not matter.
static inline shim512 shim_cast(__m128i x)
{
    shim512 v;
    memset(&v, 0xee, sizeof v);
    return shim_insert(v, x, 0);
}

static inline shim512 shim_broadcast(__m128i x)
{
    shim512 v = shim_zero();
    for (unsigned lane = 0; lane < 4; lane++)
        v = shim_insert(v, x, lane);
    return v;
}

static inline shim512 shim_xor(shim512 a, shim512 b)
{
    for (unsigned i = 0; i < 64; i++)
        a[i] ^= b[i];
    return a;
}

static inline shim512 shim_and(shim512 a, shim512 b)
{
    for (unsigned i = 0; i < 64; i++)
        a[i] &= b[i];
    return a;
}

static inline shim512 shim_add32(shim512 a, shim512 b)
{
    uint32_t x[16], y[16];
    memcpy(x, &a, 64);
    memcpy(y, &b, 64);
    for (unsigned i = 0; i < 16; i++)
        x[i] += y[i];
    memcpy(&a, x, 64);
    return a;
}

static inline shim512 shim_add64(shim512 a, shim512 b)
{
    uint64_t x[8], y[8];
    memcpy(x, &a, 64);
    memcpy(y, &b, 64);
    for (unsigned i = 0; i < 8; i++)
        x[i] += y[i];
    memcpy(&a, x, 64);
    return a;
}

static inline shim512 shim_sra32(shim512 a, unsigned n)
{
    int32_t x[16];
    memcpy(x, &a, 64);
    for (unsigned i = 0; i < 16; i++)
        x[i] >>= n;
    memcpy(&a, x, 64);
    return a;
}

static inline shim512 shim_shuffle(shim512 a, shim512 control)
{
    shim512 v;
    for (unsigned i = 0; i < 64; i++)
        v[i] = control[i] & 0x80 ? 0 : a[i / 16 * 16 + control[i] % 16];
    return v;
}

static inline shim512 shim_left(shim512 a, unsigned n)
{
    shim512 v;
    for (unsigned i = 0; i < 64; i++)
        v[i] = i % 16 >= n ? a[i - n] : 0;
    return v;
}

static inline shim512 shim_right(shim512 a, unsigned n)
{
    shim512 v;
    for (unsigned i = 0; i < 64; i++)
        v[i] = i % 16 + n < 16 ? a[i + n] : 0;
    return v;
}

static inline uint8_t shim_equal64(shim512 a, shim512 b)
{
    unsigned equal = 0;
    for (unsigned i = 0; i < 8; i++)
        equal |=
            (unsigned)(memcmp((const uint8_t *)&a + 8 * i, (const uint8_t *)&b + 8 * i, 8) == 0)
            << i;
    return (uint8_t)equal;
}

// Two 16-octet lanes of a, then two of b, each chosen by two bits of the control.
static inline shim512 shim_lanes(shim512 a, shim512 b, unsigned control)
{
    shim512 v = shim_zero();
    for (unsigned i = 0; i < 4; i++)
        v = shim_insert(v, shim_extract(i < 2 ? a : b, control >> 2 * i & 3), i);
    return v;
}

// Words of `size` octets from a and b in turn, in each lane from octet `from` on.
static inline shim512 shim_unpack(shim512 a, shim512 b, unsigned size, unsigned from)
{
    shim512 v;
    for (unsigned i = 0; i < 64; i++) {
        const shim512 *source = i / size % 2 == 0 ? &a : &b;
        unsigned at = from + i % 16 / (2 * size) * size + i % size;
        v[i] = (*source)[i / 16 * 16 + at];
    }
    return v;
}

static inline shim512 shim_low32(shim512 a, shim512 b)
{
    return shim_unpack(a, b, 4, 0);
}

static inline shim512 shim_high32(shim512 a, shim512 b)
{
    return shim_unpack(a, b, 4, 8);
}

static inline shim512 shim_low64(shim512 a, shim512 b)
{
    return shim_unpack(a, b, 8, 0);
}

static inline shim512 shim_high64(shim512 a, shim512 b)
{
    return shim_unpack(a, b, 8, 8);
}

// In each lane: the octets of low and then those of high, n octets further on.
static inline shim512 shim_align(shim512 high, shim512 low, unsigned n)
{
    shim512 v;
    for (unsigned i = 0; i < 64; i++) {
        unsigned at = i % 16 + n;
        v[i] = at < 16 ? low[i / 16 * 16 + at] : at < 32 ? high[i / 16 * 16 + at - 16] : 0;
    }
    return v;
}

// Half a register. Words of 8 octets whose bit is clear are not read.
typedef uint8_t shim256 __attribute__((vector_size(32)));

static inline shim256 shim_load_half(uint8_t words, const void *from)
{
    shim256 v = {0};
    for (unsigned i = 0; i < 4; i++)
        if (words >> i & 1)
            memcpy((uint8_t *)&v + 8 * i, (const uint8_t *)from + 8 * i, 8);
    return v;
}

static inline shim512 shim_insert_half(shim512 v, shim256 x, unsigned half)
{
    memcpy((uint8_t *)&v + 32 * half, &x, 32);
    return v;
}

static inline shim512 shim_cast_half(shim256 x)
{
    shim512 v;
    memset(&v, 0xee, sizeof v);
    return shim_insert_half(v, x, 0);
}

// Words of 8 octets whose bit is clear are not written.
static inline void shim_store_words(void *to, uint8_t words, shim512 v)
{
    for (unsigned i = 0; i < 8; i++)
        if (words >> i & 1)
            memcpy((uint8_t *)to + 8 * i, (const uint8_t *)&v + 8 * i, 8);
}

// FIPS 197, section 4.2: multiplication in GF(2^8).
static inline uint8_t shim_times(unsigned a, unsigned b)
{
    unsigned product = 0;
    for (; b != 0; b >>= 1) {
        if (b & 1)
            product ^= a;
        a = a << 1 ^ (a & 0x80 ? 0x11b : 0);
    }
    return (uint8_t)product;
}

// FIPS 197, section 5.1.1: the inverse, then the affine step.
static inline const uint8_t *shim_sbox(void)
{
    static uint8_t box[256];
    if (box[0] != 0)
        return box;
    for (unsigned x = 0; x < 256; x++) {
        unsigned inverse = 0;
        for (unsigned y = 1; y < 256 && inverse == 0; y++)
            if (shim_times(x, y) == 1)
                inverse = y;
        unsigned twice = inverse | inverse << 8;
        box[x] = (uint8_t)(0x63 ^ inverse ^ twice >> 7 ^ twice >> 6 ^ twice >> 5 ^ twice >> 4);
    }
    return box;
}

static inline shim512 shim_aes_last(shim512 a, shim512 key)
{
    const uint8_t *box = shim_sbox();
    shim512 v;
    for (unsigned i = 0; i < 64; i++) // octet i of a lane is row i % 4, column i / 4
        v[i] = box[a[i / 16 * 16 + (i + i % 4 * 4) % 16]];
    return shim_xor(v, key);
}

static inline shim512 shim_aes(shim512 a, shim512 key)
{
    shim512 s = shim_aes_last(a, shim_zero());
    shim512 v;
    for (unsigned i = 0; i < 64; i++) {
        const uint8_t *column = (const uint8_t *)&s + i / 4 * 4;
        unsigned both = column[i % 4] ^ column[(i + 1) % 4];
        v[i] = (uint8_t)(both << 1 ^ (both & 0x80 ? 0x1b : 0) ^ column[(i + 1) % 4] ^
                         column[(i + 2) % 4] ^ column[(i + 3) % 4]);
    }
    return shim_xor(v, key);
}

#undef _mm512_inserti32x4
#undef _mm512_inserti64x4
#undef _mm512_extracti32x4_epi32
#undef _mm512_srai_epi32
#undef _mm512_bslli_epi128
#undef _mm512_bsrli_epi128
#undef _mm512_cmpeq_epi64_mask
#undef _mm512_shuffle_i32x4
#undef _mm512_alignr_epi8
#define __m512i shim512
#define _mm512_setzero_si512 shim_zero
#define _mm512_castsi512_si128 shim_low
#define _mm512_castsi128_si512 shim_cast
#define _mm512_broadcast_i32x4 shim_broadcast
#define _mm512_inserti32x4 shim_insert
#define _mm512_extracti32x4_epi32 shim_extract
#define _mm512_xor_si512 shim_xor
#define _mm512_and_si512 shim_and
#define _mm512_add_epi32 shim_add32
#define _mm512_add_epi64 shim_add64
#define _mm512_srai_epi32 shim_sra32
#define _mm512_shuffle_epi8 shim_shuffle
#define _mm512_bslli_epi128 shim_left
#define _mm512_bsrli_epi128 shim_right
#define _mm512_aesenc_epi128 shim_aes
#define _mm512_aesenclast_epi128 shim_aes_last
#define _mm512_cmpeq_epi64_mask shim_equal64
#define _mm512_shuffle_i32x4 shim_lanes
#define _mm512_unpacklo_epi32 shim_low32
#define _mm512_unpackhi_epi32 shim_high32
#define _mm512_unpacklo_epi64 shim_low64
#define _mm512_unpackhi_epi64 shim_high64
#define _mm512_alignr_epi8 shim_align
#define _mm256_maskz_loadu_epi64 shim_load_half
#define _mm512_castsi256_si512 shim_cast_half
#define _mm512_inserti64x4 shim_insert_half
#define _mm512_mask_storeu_epi64 shim_store_words
