// The common part of the vocabularies of the x86 instruction sets: a block is BLOCK_VECS vectors.
// An AES round takes four cycles, and two can start in each cycle, so eight vectors in flight keep
// the processor busy; where a block has fewer, the kernel's next chain fills the gaps.
//
// The includer (lanes_aesni.h, lanes_vaes256.h, lanes_vaes512.h) defines vec, VEC_LANES, BLOCK_VECS
// and the operations on one vector. Every operation works on each lane's 16 octets by themselves:
//   vec_spread       the same 16 octets in each lane
//   vec_load, _store each lane at its own address
//   vec_load_run     four vectors at most: blocks that follow each other in each lane
//   vec_store_run    the same way back, by octets
//   vec_zero, _xor, _and, vec_add32 (little-endian words), vec_twice64, vec_signs32 (all ones where
//   the top bit is set), vec_shuffle (octets, by a control vector; 0x80 makes zero)
//   vec_down4, _down8 octets move to higher places; zeros come in
//   vec_low32, _high32, _low64, _high64 words of a and b in turn, from the lower or the upper half
//   vec_splice       octets 8 to 15 of a, then 0 to 7 of b
//   vec_enc, _enc_last an AES round
//   vec_equal        bit l set: lane l is equal
// Pure; any thread. FIPS 197; dbl is RFC 5297, section 2.3.
#pragma once

#include "crypto/hot_inline.h"

#include <assert.h>

enum {
    BLOCK_LANES = BLOCK_VECS * VEC_LANES,
    BLOCK_FEW = VEC_LANES, // lanes that fit blocks of one vector
    BLOCK_ROUNDS = 10,
    BLOCK_RUN = 4,     // blocks that are loaded or stored together
    BLOCK_SPILLS = 20, // blocks that a kernel may keep in its frame
};

struct block {
    vec v[BLOCK_VECS];
};

// One schedule for all lanes. Only the pointer is stored.
struct block_shared {
    const uint8_t *schedule;
};

hot_inline void block_share(struct block_shared *s, const uint8_t *schedule)
{
    s->schedule = schedule;
}

hot_inline vec vec_spread32(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3)
{
    const uint32_t w[4] = {w0, w1, w2, w3};
    return vec_spread((const uint8_t *)w);
}

hot_inline vec vec_dbl(vec v)
{
    const vec reverse = vec_spread32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    v = vec_shuffle(v, reverse);
    // The top bit of the lower half goes to the upper half; the top bit of the whole adds 0x87.
    const vec cross = vec_spread32(0x0f0f0f0f, 0x80808080, 0x07070707, 0x80808080);
    vec carry = vec_shuffle(vec_signs32(v), cross);
    carry = vec_and(carry, vec_spread32(0x87, 0, 1, 0));
    return vec_shuffle(vec_xor(vec_twice64(v), carry), reverse);
}

// A control that moves octets to higher indexes, or for a negative n to lower ones; zeros are
// shifted in.
hot_inline vec vec_mover(int n)
{
    static const uint8_t from[48] = {
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,    6,    7,
        8,    9,    10,   11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    };
    return vec_spread(from + 16 - n);
}

hot_inline struct block block_all(vec v)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = v;
    return r;
}

hot_inline struct block block_zero(void)
{
    return block_all(vec_zero());
}

hot_inline struct block block_broadcast(const uint8_t at[16])
{
    return block_all(vec_spread(at));
}

hot_inline struct block block_shared_round(const struct block_shared *s, unsigned r)
{
    return block_broadcast(s->schedule + 16 * r);
}

hot_inline struct block block_load(const uint8_t *const at[BLOCK_LANES], size_t offset)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_load(at + i * VEC_LANES, offset);
    return r;
}

// Loads n consecutive blocks of each lane, at most BLOCK_RUN; the rest of out is zero.
hot_inline void block_load_run(struct block out[BLOCK_RUN], const uint8_t *const at[BLOCK_LANES],
                               size_t offset, unsigned n)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++) {
        vec v[BLOCK_RUN];
        vec_load_run(v, at + i * VEC_LANES, offset, n);
        for (unsigned j = 0; j < BLOCK_RUN; j++)
            out[j].v[i] = v[j];
    }
}

hot_inline void block_store(struct block b, uint8_t *const at[BLOCK_LANES], size_t offset)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        vec_store(b.v[i], at + i * VEC_LANES, offset);
}

hot_inline struct block block_xor(struct block a, struct block b)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_xor(a.v[i], b.v[i]);
    return r;
}

hot_inline struct block block_shuffle(struct block b, vec control)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_shuffle(b.v[i], control);
    return r;
}

// Moves each octet n places down, to a higher index (n is 1 to 15); zeros are shifted in.
hot_inline struct block block_down(struct block b, unsigned n)
{
    return block_shuffle(b, vec_mover((int)n));
}

// Moves each octet n places up, to a lower index.
hot_inline struct block block_up(struct block b, unsigned n)
{
    return block_shuffle(b, vec_mover(-(int)n));
}

// Octets 8 to 15 of a, then 0 to 7 of b.
hot_inline struct block block_splice(struct block a, struct block b)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_splice(a.v[i], b.v[i]);
    return r;
}

// The last n octets (1 to 15) of each lane before `end`, then 0x80, then zeros: CMAC's padding.
// Reads the 16 octets before `end`.
hot_inline struct block block_load_tail(const uint8_t *const at[BLOCK_LANES], size_t end,
                                        unsigned n)
{
    static const uint8_t padding[32] = {[16] = 0x80}; // read from 16 - n on, 0x80 is at octet n
    struct block b = block_up(block_load(at, end - 16), 16 - n);
    return block_xor(b, block_broadcast(padding + 16 - n));
}

// Bit l is set when lane l is equal in a and b.
hot_inline uint32_t block_equal(struct block a, struct block b)
{
    uint32_t equal = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        equal |= vec_equal(a.v[i], b.v[i]) << i * VEC_LANES;
    return equal;
}

hot_inline struct block block_dbl(struct block b)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_dbl(b.v[i]);
    return r;
}

// SIV's first counter: the tag with the top bits of octets 8 and 12 cleared. RFC 5297, section 2.6.
hot_inline struct block block_counter(struct block tag)
{
    const vec keep = vec_spread32(~0U, ~0U, 0xffffff7f, 0xffffff7f);
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        tag.v[i] = vec_and(tag.v[i], keep);
    return tag;
}

// Makes a counter's last word little-endian, so that it can be added to; and converts it back.
hot_inline vec vec_counter_swap(vec v)
{
    return vec_shuffle(v, vec_spread32(0x03020100, 0x07060504, 0x0b0a0908, 0x0c0d0e0f));
}

// The next counter: a big-endian addition on octets 12 to 15. It cannot overflow, since bit 31 of a
// first counter is clear and messages are short.
hot_inline struct block block_counter_next(struct block b)
{
    const vec one = vec_spread32(0, 0, 0, 1);
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_counter_swap(vec_add32(vec_counter_swap(b.v[i]), one));
    return r;
}

// A round of AES: SubBytes, ShiftRows, MixColumns, the round key.
hot_inline struct block block_enc(struct block b, struct block key)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_enc(b.v[i], key.v[i]);
    return r;
}

// The last round: without MixColumns.
hot_inline struct block block_enc_last(struct block b, struct block key)
{
    struct block r;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        r.v[i] = vec_enc_last(b.v[i], key.v[i]);
    return r;
}

// FIPS 197's constants of the key schedule, for each word. Loaded from memory: a vector that is
// stored word by word on the stack cannot be loaded without waiting for the stores.
hot_inline vec vec_rcon(unsigned round)
{
    static const uint32_t rcon[BLOCK_ROUNDS][4] = {
        {0x01, 0x01, 0x01, 0x01}, {0x02, 0x02, 0x02, 0x02}, {0x04, 0x04, 0x04, 0x04},
        {0x08, 0x08, 0x08, 0x08}, {0x10, 0x10, 0x10, 0x10}, {0x20, 0x20, 0x20, 0x20},
        {0x40, 0x40, 0x40, 0x40}, {0x80, 0x80, 0x80, 0x80}, {0x1b, 0x1b, 0x1b, 0x1b},
        {0x36, 0x36, 0x36, 0x36},
    };
    return vec_spread((const uint8_t *)rcon[round - 1]);
}

// Transposes the words of four keys, so that each vector has one word of all four; or back.
hot_inline void vec_transpose32(vec v[4])
{
    vec low01 = vec_low32(v[0], v[1]);
    vec high01 = vec_high32(v[0], v[1]);
    vec low23 = vec_low32(v[2], v[3]);
    vec high23 = vec_high32(v[2], v[3]);
    v[0] = vec_low64(low01, low23);
    v[1] = vec_high64(low01, low23);
    v[2] = vec_low64(high01, high23);
    v[3] = vec_high64(high01, high23);
}

// The next round key of AES-128 (round 1 to 10). The rotated last word is copied to all four
// columns, so that the ShiftRows of the AES round has no effect.
hot_inline vec vec_key_step(vec key, unsigned round)
{
    const vec rotate = vec_spread32(0x0c0f0e0d, 0x0c0f0e0d, 0x0c0f0e0d, 0x0c0f0e0d);
    vec word = vec_enc_last(vec_shuffle(key, rotate), vec_rcon(round));
    key = vec_xor(key, vec_down4(key));
    key = vec_xor(key, vec_down8(key));
    return vec_xor(key, word);
}

// Keys during the key schedule. Four vectors are transposed: one vector has the same word of four
// times as many keys, so one AES round substitutes for all of them.
struct block_key {
    vec w[BLOCK_VECS];
};
static_assert(BLOCK_VECS == 4 || BLOCK_VECS == 1, "keys are transposed, or as loaded");

hot_inline struct block_key block_key_of(struct block key)
{
    struct block_key k;
#pragma GCC unroll 4
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        k.w[i] = key.v[i];
    if (BLOCK_VECS == 4)
        vec_transpose32(k.w);
    return k;
}

// The current round key.
hot_inline struct block block_key_get(struct block_key k)
{
    struct block key;
    if (BLOCK_VECS == 4)
        vec_transpose32(k.w);
#pragma GCC unroll 4
    for (unsigned i = 0; i < BLOCK_VECS; i++)
        key.v[i] = k.w[i];
    return key;
}

// Advances to that round (1 to 10). FIPS 197, section 5.2.
hot_inline struct block_key block_key_next(struct block_key k, unsigned round)
{
    if (BLOCK_VECS != 4) {
        k.w[0] = vec_key_step(k.w[0], round);
        return k;
    }
    // The shuffle rotates each word and undoes the ShiftRows of the AES round.
    const vec rotate = vec_spread32(0x040b0e01, 0x080f0205, 0x0c030609, 0x00070a0d);
    vec *w = k.w;
    vec word = vec_enc_last(vec_shuffle(w[BLOCK_VECS - 1], rotate), vec_rcon(round));
    // A new word is the sum of the old words up to it and that word; the sums do not wait for it.
    vec sum = w[0];
#pragma GCC unroll 4
    for (unsigned i = 0; i < BLOCK_VECS; i++) {
        if (i > 0)
            sum = vec_xor(sum, w[i]);
        w[i] = vec_xor(sum, word);
    }
    return k;
}

// Stores text xor the keystream under each lane's schedule, beginning with a first counter: len
// octets, a multiple of 8. Eight blocks of a vector are processed together, so that they share each
// load of a round key; text must have a multiple of eight blocks, and those beyond len may have any
// content. RFC 5297, section 2.6.
hot_inline void block_crypt(const struct block round[BLOCK_ROUNDS + 1], struct block counter,
                            const struct block *text, unsigned len, uint8_t *const out[BLOCK_LANES],
                            size_t offset)
{
    const vec one = vec_spread32(0, 0, 0, 1);
#pragma GCC unroll 1
    for (unsigned i = 0; i < BLOCK_VECS; i++) {
        vec count = vec_counter_swap(counter.v[i]);
        for (unsigned at = 0; at < len; at += 2 * 16 * BLOCK_RUN) {
            unsigned left = len - at;
            const struct block *in = text + at / 16;
            vec s[2 * BLOCK_RUN];
#pragma GCC unroll 8
            for (unsigned j = 0; j < 2 * BLOCK_RUN; j++) {
                s[j] = vec_xor(vec_counter_swap(count), round[0].v[i]);
                count = vec_add32(count, one);
            }
#pragma GCC unroll 1
            for (unsigned r = 1; r < BLOCK_ROUNDS; r++) {
                vec key = round[r].v[i];
#pragma GCC unroll 8
                for (unsigned j = 0; j < 2 * BLOCK_RUN; j++)
                    s[j] = vec_enc(s[j], key);
            }
#pragma GCC unroll 8
            for (unsigned j = 0; j < 2 * BLOCK_RUN; j++)
                s[j] = vec_xor(vec_enc_last(s[j], round[BLOCK_ROUNDS].v[i]), in[j].v[i]);
            vec_store_run(s, out + i * VEC_LANES, offset + at, left < 64 ? left : 64);
            if (left > 64)
                vec_store_run(s + BLOCK_RUN, out + i * VEC_LANES, offset + at + 64,
                              left < 128 ? left - 64 : 64);
        }
    }
}
