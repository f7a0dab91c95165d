// The vocabulary of the lanes in plain C: bit planes, eight messages side by side. Constant time by
// construction: secrets are only used in and, xor, and shifts by public amounts.
//
// A block is one 16-octet block of each of BLOCK_LANES messages. Here plane j has bit j of every
// octet: element l of the vector is lane l, bit i of the element is octet i of that lane's block.
// AES's state is stored column by column, so a nibble of an element is a column. Pure; any thread.
// FIPS 197; dbl is RFC 5297, section 2.3.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    BLOCK_LANES = 8,
    BLOCK_FEW = 0,
    BLOCK_ROUNDS = 10,
    BLOCK_RUN = 4,
    BLOCK_SPILLS = 384, // blocks that a kernel may keep in its frame: compilers copy schedules
};

typedef uint16_t plane __attribute__((vector_size(2 * BLOCK_LANES)));

#include "crypto/sbox_bits.h"

struct block {
    plane p[8];
};

static inline plane block_plane_of(unsigned v)
{
    return (plane){0} + (uint16_t)v;
}

// Octets 0..7 of eight become bits 0..7 of eight: an 8x8 transposition, its own inverse.
static inline uint64_t block_transpose(uint64_t x)
{
    uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aa;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000cccc0000cccc;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0;
    return x ^ t ^ (t << 28);
}

static inline void block_put_lane(struct block *b, unsigned lane, const uint8_t at[16])
{
    uint64_t half[2];
    memcpy(half, at, sizeof half);
    half[0] = block_transpose(half[0]);
    half[1] = block_transpose(half[1]);
    for (unsigned j = 0; j < 8; j++)
        b->p[j][lane] = (uint16_t)((half[0] >> 8 * j & 0xff) | (half[1] >> 8 * j & 0xff) << 8);
}

static inline void block_get_lane(const struct block *b, unsigned lane, uint8_t at[16])
{
    uint64_t half[2] = {0};
    for (unsigned j = 0; j < 8; j++) {
        half[0] |= (uint64_t)(b->p[j][lane] & 0xff) << 8 * j;
        half[1] |= (uint64_t)(b->p[j][lane] >> 8) << 8 * j;
    }
    half[0] = block_transpose(half[0]);
    half[1] = block_transpose(half[1]);
    memcpy(at, half, sizeof half);
}

static inline struct block block_zero(void)
{
    return (struct block){0};
}

static inline struct block block_load(const uint8_t *const at[BLOCK_LANES], size_t offset)
{
    struct block b = block_zero();
    for (unsigned l = 0; l < BLOCK_LANES; l++)
        block_put_lane(&b, l, at[l] + offset);
    return b;
}

// The same 16 octets in every lane.
static inline struct block block_broadcast(const uint8_t at[16])
{
    struct block b = block_zero();
    block_put_lane(&b, 0, at);
    for (unsigned j = 0; j < 8; j++)
        b.p[j] = block_plane_of(b.p[j][0]);
    return b;
}

// One schedule for all lanes, converted to planes once.
struct block_shared {
    struct block round[11];
};

static inline void block_share(struct block_shared *s, const uint8_t *schedule)
{
    for (unsigned r = 0; r < 11; r++)
        s->round[r] = block_broadcast(schedule + 16 * r);
}

static inline struct block block_shared_round(const struct block_shared *s, unsigned r)
{
    return s->round[r];
}

// The last n octets (1 to 15) of each lane before `end`, then 0x80, then zeros: CMAC's padding.
// Reads the 16 octets before `end`.
static inline struct block block_load_tail(const uint8_t *const at[BLOCK_LANES], size_t end,
                                           unsigned n)
{
    struct block b = block_load(at, end - 16);
    for (unsigned j = 0; j < 8; j++)
        b.p[j] >>= 16 - n;
    b.p[7] |= block_plane_of(1U << n);
    return b;
}

static inline void block_store(struct block b, uint8_t *const at[BLOCK_LANES], size_t offset)
{
    for (unsigned l = 0; l < BLOCK_LANES; l++)
        block_get_lane(&b, l, at[l] + offset);
}

// Loads n consecutive blocks of each lane, at most BLOCK_RUN.
static inline void block_load_run(struct block out[BLOCK_RUN], const uint8_t *const at[BLOCK_LANES],
                                  size_t offset, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = block_load(at, offset + 16 * i);
}

// Stores octets 0 to 7 of each lane's block.
static inline void block_store_half(struct block b, uint8_t *const at[BLOCK_LANES], size_t offset)
{
    for (unsigned l = 0; l < BLOCK_LANES; l++) {
        uint8_t whole[16];
        block_get_lane(&b, l, whole);
        memcpy(at[l] + offset, whole, 8);
    }
}

static inline struct block block_xor(struct block a, struct block b)
{
    for (unsigned j = 0; j < 8; j++)
        a.p[j] ^= b.p[j];
    return a;
}

// Bit l is set when lane l is equal in a and b.
static inline uint32_t block_equal(struct block a, struct block b)
{
    a = block_xor(a, b);
    plane any = a.p[0] | a.p[1] | a.p[2] | a.p[3] | a.p[4] | a.p[5] | a.p[6] | a.p[7];
    uint32_t equal = 0;
    for (unsigned l = 0; l < BLOCK_LANES; l++)
        equal |= ((uint32_t)any[l] - 1) >> 31 << l;
    return equal;
}

// Moves each octet n places down, to a higher index (n is 1 to 15); zeros are shifted in.
static inline struct block block_down(struct block b, unsigned n)
{
    for (unsigned j = 0; j < 8; j++)
        b.p[j] <<= n;
    return b;
}

// Moves each octet n places up, to a lower index.
static inline struct block block_up(struct block b, unsigned n)
{
    for (unsigned j = 0; j < 8; j++)
        b.p[j] >>= n;
    return b;
}

// Octets 8 to 15 of a, then 0 to 7 of b.
static inline struct block block_splice(struct block a, struct block b)
{
    for (unsigned j = 0; j < 8; j++)
        a.p[j] = a.p[j] >> 8 | b.p[j] << 8;
    return a;
}

static inline struct block block_dbl(struct block b)
{
    struct block d;
    plane carry = (b.p[7] & block_plane_of(1)) << 15; // the top bit, moved to octet 15
    d.p[0] = (b.p[7] >> 1) ^ carry;                   // 0x87: bits 0, 1, 2 and 7
    d.p[1] = b.p[0] ^ carry;
    d.p[2] = b.p[1] ^ carry;
    for (unsigned j = 3; j < 7; j++)
        d.p[j] = b.p[j - 1];
    d.p[7] = b.p[6] ^ carry;
    return d;
}

// SIV's first counter: the tag with the top bits of octets 8 and 12 cleared. RFC 5297, section 2.6.
static inline struct block block_counter(struct block tag)
{
    tag.p[7] &= block_plane_of(0xeeff);
    return tag;
}

// The next counter: a big-endian addition on octets 12 to 15. It cannot overflow, since bit 31 of a
// first counter is clear and messages are short.
static inline struct block block_counter_next(struct block b)
{
    plane carry = block_plane_of(1);
    for (unsigned i = 0; i < 32; i++) {
        unsigned octet = 15 - i / 8;
        plane bit = b.p[i % 8] >> octet & block_plane_of(1);
        b.p[i % 8] ^= carry << octet;
        carry &= bit;
    }
    return b;
}

static inline void block_shift_rows(plane p[8])
{
    for (unsigned j = 0; j < 8; j++) {
        plane row1 = p[j] & block_plane_of(0x2222);
        plane row2 = p[j] & block_plane_of(0x4444);
        plane row3 = p[j] & block_plane_of(0x8888);
        p[j] = (p[j] & block_plane_of(0x1111)) | row1 >> 4 | row1 << 12 | row2 >> 8 | row2 << 8 |
               row3 >> 12 | row3 << 4;
    }
}

static inline void block_mix_columns(plane p[8])
{
    plane next[8]; // the next octet below, in the same column
    plane sum[8];  // the sum of both
    for (unsigned j = 0; j < 8; j++) {
        next[j] = (p[j] >> 1 & block_plane_of(0x7777)) | (p[j] << 3 & block_plane_of(0x8888));
        sum[j] = p[j] ^ next[j];
    }
    for (unsigned j = 0; j < 8; j++) {
        plane pair =
            (sum[j] >> 2 & block_plane_of(0x3333)) | (sum[j] << 2 & block_plane_of(0xcccc));
        plane twice = j > 0 ? sum[j - 1] : sum[7];
        if (j == 1 || j == 3 || j == 4) // x^8 = x^4 + x^3 + x + 1
            twice ^= sum[7];
        p[j] = twice ^ next[j] ^ pair;
    }
}

// A round of AES: SubBytes, ShiftRows, MixColumns, the round key.
static inline struct block block_enc(struct block b, struct block key)
{
    sbox_apply(b.p);
    block_shift_rows(b.p);
    block_mix_columns(b.p);
    return block_xor(b, key);
}

// The last round: without MixColumns.
static inline struct block block_enc_last(struct block b, struct block key)
{
    sbox_apply(b.p);
    block_shift_rows(b.p);
    return block_xor(b, key);
}

// The next round key of AES-128. FIPS 197, section 5.2.
static inline struct block block_key_step(struct block key, unsigned rcon)
{
    struct block s = key;
    sbox_apply(s.p);
    for (unsigned j = 0; j < 8; j++) {
        plane word = s.p[j] >> 12; // the last column; then rotated up by one octet
        word = word >> 1 | (word << 3 & block_plane_of(8));
        word ^= block_plane_of(rcon >> j & 1);
        plane k = key.p[j];
        k ^= k << 4;
        k ^= k << 8;
        word |= word << 4;
        key.p[j] = k ^ (word | word << 8);
    }
    return key;
}

// Keys during the key schedule: here in the form of any other block.
struct block_key {
    struct block key;
};

static inline struct block_key block_key_of(struct block key)
{
    return (struct block_key){key};
}

// The current round key.
static inline struct block block_key_get(struct block_key k)
{
    return k.key;
}

// Advances to that round (1 to 10). FIPS 197, section 5.2.
static inline struct block_key block_key_next(struct block_key k, unsigned round)
{
    static const uint8_t rcon[10] = {1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36};
    return (struct block_key){block_key_step(k.key, rcon[round - 1])};
}

// Stores text xor the keystream under each lane's schedule, beginning with a first counter: len
// octets, a multiple of 8. RFC 5297, section 2.6.
static inline void block_crypt(const struct block round[BLOCK_ROUNDS + 1], struct block counter,
                               const struct block *text, unsigned len,
                               uint8_t *const out[BLOCK_LANES], size_t offset)
{
    for (unsigned at = 0; at < len; at += 16) {
        struct block s = block_xor(counter, round[0]);
        counter = block_counter_next(counter);
        for (unsigned r = 1; r < BLOCK_ROUNDS; r++)
            s = block_enc(s, round[r]);
        s = block_xor(block_enc_last(s, round[BLOCK_ROUNDS]), text[at / 16]);
        if (len - at >= 16)
            block_store(s, out, offset + at);
        else
            block_store_half(s, out, offset + at);
    }
}
