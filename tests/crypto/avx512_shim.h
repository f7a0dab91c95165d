// The AVX-512 and VAES instructions that crypto/lanes_vaes512.h uses, in plain C after Intel's
// description of them, so that the logic of that vocabulary is tested on processors that lack them.
// To be included before that header. AES here is FIPS 197 with a table that is computed from the
// S-box's definition: it shares nothing with crypto/.
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

struct shim512 {
    uint8_t octet[64];
};

static inline struct shim512 shim_zero(void)
{
    return (struct shim512){{0}};
}

static inline __m128i shim_extract(struct shim512 v, unsigned lane)
{
    return _mm_loadu_si128((const __m128i *)(v.octet + 16 * lane));
}

static inline __m128i shim_low(struct shim512 v)
{
    return shim_extract(v, 0);
}

static inline struct shim512 shim_insert(struct shim512 v, __m128i x, unsigned lane)
{
    _mm_storeu_si128((__m128i *)(v.octet + 16 * lane), x);
    return v;
}

// The upper lanes of a cast are undefined: here they are filled with what must not matter.
static inline struct shim512 shim_cast(__m128i x)
{
    struct shim512 v;
    memset(v.octet, 0xee, sizeof v.octet);
    return shim_insert(v, x, 0);
}

static inline struct shim512 shim_broadcast(__m128i x)
{
    struct shim512 v = shim_zero();
    for (unsigned lane = 0; lane < 4; lane++)
        v = shim_insert(v, x, lane);
    return v;
}

static inline struct shim512 shim_xor(struct shim512 a, struct shim512 b)
{
    for (unsigned i = 0; i < 64; i++)
        a.octet[i] ^= b.octet[i];
    return a;
}

static inline struct shim512 shim_and(struct shim512 a, struct shim512 b)
{
    for (unsigned i = 0; i < 64; i++)
        a.octet[i] &= b.octet[i];
    return a;
}

static inline struct shim512 shim_add32(struct shim512 a, struct shim512 b)
{
    uint32_t x[16], y[16];
    memcpy(x, a.octet, 64);
    memcpy(y, b.octet, 64);
    for (unsigned i = 0; i < 16; i++)
        x[i] += y[i];
    memcpy(a.octet, x, 64);
    return a;
}

static inline struct shim512 shim_add64(struct shim512 a, struct shim512 b)
{
    uint64_t x[8], y[8];
    memcpy(x, a.octet, 64);
    memcpy(y, b.octet, 64);
    for (unsigned i = 0; i < 8; i++)
        x[i] += y[i];
    memcpy(a.octet, x, 64);
    return a;
}

static inline struct shim512 shim_sra32(struct shim512 a, unsigned n)
{
    int32_t x[16];
    memcpy(x, a.octet, 64);
    for (unsigned i = 0; i < 16; i++)
        x[i] >>= n;
    memcpy(a.octet, x, 64);
    return a;
}

static inline struct shim512 shim_shuffle(struct shim512 a, struct shim512 control)
{
    struct shim512 v;
    for (unsigned i = 0; i < 64; i++)
        v.octet[i] = control.octet[i] & 0x80 ? 0 : a.octet[i / 16 * 16 + control.octet[i] % 16];
    return v;
}

static inline struct shim512 shim_left(struct shim512 a, unsigned n)
{
    struct shim512 v;
    for (unsigned i = 0; i < 64; i++)
        v.octet[i] = i % 16 >= n ? a.octet[i - n] : 0;
    return v;
}

static inline struct shim512 shim_right(struct shim512 a, unsigned n)
{
    struct shim512 v;
    for (unsigned i = 0; i < 64; i++)
        v.octet[i] = i % 16 + n < 16 ? a.octet[i + n] : 0;
    return v;
}

static inline uint8_t shim_equal64(struct shim512 a, struct shim512 b)
{
    unsigned equal = 0;
    for (unsigned i = 0; i < 8; i++)
        equal |= (unsigned)(memcmp(a.octet + 8 * i, b.octet + 8 * i, 8) == 0) << i;
    return (uint8_t)equal;
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

static inline struct shim512 shim_aes_last(struct shim512 a, struct shim512 key)
{
    const uint8_t *box = shim_sbox();
    struct shim512 v;
    for (unsigned i = 0; i < 64; i++) // octet i of a lane is row i % 4, column i / 4
        v.octet[i] = box[a.octet[i / 16 * 16 + (i + i % 4 * 4) % 16]];
    return shim_xor(v, key);
}

static inline struct shim512 shim_aes(struct shim512 a, struct shim512 key)
{
    struct shim512 s = shim_aes_last(a, shim_zero());
    struct shim512 v;
    for (unsigned i = 0; i < 64; i++) {
        const uint8_t *column = s.octet + i / 4 * 4;
        unsigned both = column[i % 4] ^ column[(i + 1) % 4];
        v.octet[i] = (uint8_t)(both << 1 ^ (both & 0x80 ? 0x1b : 0) ^ column[(i + 1) % 4] ^
                               column[(i + 2) % 4] ^ column[(i + 3) % 4]);
    }
    return shim_xor(v, key);
}

#undef _mm512_inserti32x4
#undef _mm512_extracti32x4_epi32
#undef _mm512_srai_epi32
#undef _mm512_bslli_epi128
#undef _mm512_bsrli_epi128
#undef _mm512_cmpeq_epi64_mask
#define __m512i struct shim512
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
