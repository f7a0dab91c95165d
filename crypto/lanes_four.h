// What the vocabularies of the x86 instruction sets share: a block is four vectors, enough AES
// rounds in flight to hide most of their latency; two blocks side by side hide all of it.
//
// The includer (lanes_aesni.h, lanes_vaes256.h, lanes_vaes512.h) defines vec, VEC_LANES and the
// operations on one vector. Every operation works on each lane's 16 octets by themselves:
//   vec_spread       the same 16 octets in each lane
//   vec_load, _store each lane at its own address; vec_store_half: octets 0 to 7 only
//   vec_zero, _xor, _and, vec_add32 (little-endian words), vec_twice64, vec_signs32 (all ones where
//   the top bit is set), vec_shuffle (octets, by a control vector; 0x80 makes zero)
//   vec_down4, _down8 octets move to higher places; zeros come in
//   vec_enc, _enc_last an AES round
//   vec_equal        bit l set: lane l is equal
// Pure; any thread. FIPS 197; dbl is RFC 5297, section 2.3.
#pragma once

enum { BLOCK_LANES = 4 * VEC_LANES };

struct block {
    vec v[4];
};

// One schedule for all lanes. It is only pointed at.
struct block_shared {
    const uint8_t *schedule;
};

static inline void block_share(struct block_shared *s, const uint8_t *schedule)
{
    s->schedule = schedule;
}

static inline vec vec_spread32(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3)
{
    const uint32_t w[4] = {w0, w1, w2, w3};
    return vec_spread((const uint8_t *)w);
}

static inline vec vec_dbl(vec v)
{
    const vec reverse = vec_spread32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    v = vec_shuffle(v, reverse);
    // The top bit of the lower half enters the upper half; the top bit of all brings 0x87.
    const vec cross = vec_spread32(0x0f0f0f0f, 0x80808080, 0x07070707, 0x80808080);
    vec carry = vec_shuffle(vec_signs32(v), cross);
    carry = vec_and(carry, vec_spread32(0x87, 0, 1, 0));
    return vec_shuffle(vec_xor(vec_twice64(v), carry), reverse);
}

// The next round key of AES-128. FIPS 197, section 5.2. The last word, rotated, stands in all four
// columns, so that the ShiftRows within the last AES round moves nothing.
static inline vec vec_key_step(vec key, unsigned rcon)
{
    const vec rotate = vec_spread32(0x0c0f0e0d, 0x0c0f0e0d, 0x0c0f0e0d, 0x0c0f0e0d);
    vec word = vec_enc_last(vec_shuffle(key, rotate), vec_spread32(rcon, rcon, rcon, rcon));
    key = vec_xor(key, vec_down4(key));
    key = vec_xor(key, vec_down8(key));
    return vec_xor(key, word);
}

static inline vec vec_counter_add(vec v, unsigned n)
{
    const vec swap = vec_spread32(0x03020100, 0x07060504, 0x0b0a0908, 0x0c0d0e0f);
    return vec_shuffle(vec_add32(vec_shuffle(v, swap), vec_spread32(0, 0, 0, n)), swap);
}

static inline struct block block_all(vec v)
{
    return (struct block){{v, v, v, v}};
}

static inline struct block block_zero(void)
{
    return block_all(vec_zero());
}

static inline struct block block_broadcast(const uint8_t at[16])
{
    return block_all(vec_spread(at));
}

static inline struct block block_shared_round(const struct block_shared *s, unsigned r)
{
    return block_broadcast(s->schedule + 16 * r);
}

static inline struct block block_load(const uint8_t *const at[BLOCK_LANES], size_t offset)
{
    return (struct block){{
        vec_load(at, offset),
        vec_load(at + VEC_LANES, offset),
        vec_load(at + 2 * VEC_LANES, offset),
        vec_load(at + 3 * VEC_LANES, offset),
    }};
}

static inline void block_store(struct block b, uint8_t *const at[BLOCK_LANES], size_t offset)
{
    vec_store(b.v[0], at, offset);
    vec_store(b.v[1], at + VEC_LANES, offset);
    vec_store(b.v[2], at + 2 * VEC_LANES, offset);
    vec_store(b.v[3], at + 3 * VEC_LANES, offset);
}

// Stores octets 0 to 7 of each lane's block.
static inline void block_store_half(struct block b, uint8_t *const at[BLOCK_LANES], size_t offset)
{
    vec_store_half(b.v[0], at, offset);
    vec_store_half(b.v[1], at + VEC_LANES, offset);
    vec_store_half(b.v[2], at + 2 * VEC_LANES, offset);
    vec_store_half(b.v[3], at + 3 * VEC_LANES, offset);
}

static inline struct block block_xor(struct block a, struct block b)
{
    return (struct block){{vec_xor(a.v[0], b.v[0]), vec_xor(a.v[1], b.v[1]),
                           vec_xor(a.v[2], b.v[2]), vec_xor(a.v[3], b.v[3])}};
}

static inline struct block block_shuffle(struct block b, vec control)
{
    return (struct block){{vec_shuffle(b.v[0], control), vec_shuffle(b.v[1], control),
                           vec_shuffle(b.v[2], control), vec_shuffle(b.v[3], control)}};
}

// A control that moves octets to higher places, or for a negative n to lower ones; zeros come in.
static inline vec vec_mover(int n)
{
    static const uint8_t from[48] = {
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,    6,    7,
        8,    9,    10,   11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    };
    return vec_spread(from + 16 - n);
}

// Each octet moves n places down, to a higher number (n is 1 to 15); zeros come in.
static inline struct block block_down(struct block b, unsigned n)
{
    return block_shuffle(b, vec_mover((int)n));
}

// Each octet moves n places up.
static inline struct block block_up(struct block b, unsigned n)
{
    return block_shuffle(b, vec_mover(-(int)n));
}

// The n octets (1 to 15) of each lane that end at `end`, then 0x80, then zeros: CMAC's padding.
// Reads the 16 octets before `end`.
static inline struct block block_load_tail(const uint8_t *const at[BLOCK_LANES], size_t end,
                                           unsigned n)
{
    static const uint8_t padding[32] = {[16] = 0x80}; // seen from 16 - n on it stands at octet n
    struct block b = block_up(block_load(at, end - 16), 16 - n);
    return block_xor(b, block_broadcast(padding + 16 - n));
}

// Bit l is set when lane l is equal in a and b.
static inline uint32_t block_equal(struct block a, struct block b)
{
    return vec_equal(a.v[0], b.v[0]) | vec_equal(a.v[1], b.v[1]) << VEC_LANES |
           vec_equal(a.v[2], b.v[2]) << 2 * VEC_LANES | vec_equal(a.v[3], b.v[3]) << 3 * VEC_LANES;
}

static inline struct block block_dbl(struct block b)
{
    return (struct block){{vec_dbl(b.v[0]), vec_dbl(b.v[1]), vec_dbl(b.v[2]), vec_dbl(b.v[3])}};
}

// SIV's first counter: the tag without the top bits of octets 8 and 12. RFC 5297, section 2.6.
static inline struct block block_counter(struct block tag)
{
    const vec keep = vec_spread32(~0U, ~0U, 0xffffff7f, 0xffffff7f);
    return (struct block){{vec_and(tag.v[0], keep), vec_and(tag.v[1], keep),
                           vec_and(tag.v[2], keep), vec_and(tag.v[3], keep)}};
}

// A counter and n: a big-endian addition on octets 12 to 15. It cannot overflow, since bit 31 of a
// first counter is clear and n is small.
static inline struct block block_counter_add(struct block b, unsigned n)
{
    return (struct block){{vec_counter_add(b.v[0], n), vec_counter_add(b.v[1], n),
                           vec_counter_add(b.v[2], n), vec_counter_add(b.v[3], n)}};
}

// A round of AES: SubBytes, ShiftRows, MixColumns, the round key.
static inline struct block block_enc(struct block b, struct block key)
{
    return (struct block){{vec_enc(b.v[0], key.v[0]), vec_enc(b.v[1], key.v[1]),
                           vec_enc(b.v[2], key.v[2]), vec_enc(b.v[3], key.v[3])}};
}

// The last round: without MixColumns.
static inline struct block block_enc_last(struct block b, struct block key)
{
    return (struct block){{vec_enc_last(b.v[0], key.v[0]), vec_enc_last(b.v[1], key.v[1]),
                           vec_enc_last(b.v[2], key.v[2]), vec_enc_last(b.v[3], key.v[3])}};
}

static inline struct block block_key_step(struct block key, unsigned rcon)
{
    return (struct block){{vec_key_step(key.v[0], rcon), vec_key_step(key.v[1], rcon),
                           vec_key_step(key.v[2], rcon), vec_key_step(key.v[3], rcon)}};
}
