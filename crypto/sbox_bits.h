// The S-box of AES (FIPS 197, section 5.1.1) as logic on bit planes, so that no address and no
// branch depends on a secret. The includer defines `plane`: an unsigned integer or a vector of
// them; plane j of a block has bit j of every octet.
//
// Octets are inverted in GF((2^4)^2), a field isomorphic to AES's GF(2^8), where inversion takes a
// few dozen gates:
//
//   GF(2^4)  = GF(2)[z] / (z^4 + z + 1)
//   GF(2^8)' = GF(2^4)[y] / (y^2 + y + z^3), an element is (hi, lo) = hi y + lo
//
// The map between the two fields sends AES's x to the root 0x20 of AES's polynomial. There are 64
// such maps. This one needs the fewest gates; its inverse includes the S-box's affine step. Pure;
// any thread.
#pragma once

// One element of GF(2^4) per bit position.
struct sbox_nibble {
    plane p[4];
};

static inline struct sbox_nibble sbox_add(struct sbox_nibble a, struct sbox_nibble b)
{
    return (struct sbox_nibble){
        {a.p[0] ^ b.p[0], a.p[1] ^ b.p[1], a.p[2] ^ b.p[2], a.p[3] ^ b.p[3]}};
}

static inline struct sbox_nibble sbox_mul(struct sbox_nibble a, struct sbox_nibble b)
{
    // The coefficients of z^4, z^5 and z^6, reduced with z^4 = z + 1.
    plane z4 = (a.p[1] & b.p[3]) ^ (a.p[2] & b.p[2]) ^ (a.p[3] & b.p[1]);
    plane z5 = (a.p[2] & b.p[3]) ^ (a.p[3] & b.p[2]);
    plane z6 = a.p[3] & b.p[3];
    return (struct sbox_nibble){{
        (a.p[0] & b.p[0]) ^ z4,
        (a.p[0] & b.p[1]) ^ (a.p[1] & b.p[0]) ^ z4 ^ z5,
        (a.p[0] & b.p[2]) ^ (a.p[1] & b.p[1]) ^ (a.p[2] & b.p[0]) ^ z5 ^ z6,
        (a.p[0] & b.p[3]) ^ (a.p[1] & b.p[2]) ^ (a.p[2] & b.p[1]) ^ (a.p[3] & b.p[0]) ^ z6,
    }};
}

static inline struct sbox_nibble sbox_square(struct sbox_nibble a)
{
    return (struct sbox_nibble){{a.p[0] ^ a.p[2], a.p[2], a.p[1] ^ a.p[3], a.p[3]}};
}

// z^3 a^2, the contribution of the upper half to the norm.
static inline struct sbox_nibble sbox_square_z3(struct sbox_nibble a)
{
    plane t = a.p[2] ^ a.p[3];
    return (struct sbox_nibble){{a.p[2], a.p[1] ^ t, a.p[1], a.p[0] ^ t}};
}

// 1 / a = a^14 = a^2 a^4 a^8, and 0 for 0.
static inline struct sbox_nibble sbox_invert(struct sbox_nibble a)
{
    struct sbox_nibble a2 = sbox_square(a);
    struct sbox_nibble a4 = sbox_square(a2);
    struct sbox_nibble a8 = sbox_square(a4);
    return sbox_mul(sbox_mul(a2, a4), a8);
}

// Replaces every octet of the eight planes by its S-box value.
static inline void sbox_apply(plane b[8])
{
    // Into the tower field.
    plane b57 = b[5] ^ b[7];
    plane b46 = b[4] ^ b[6];
    plane b23 = b[2] ^ b[3];
    plane t = b23 ^ b57;
    struct sbox_nibble lo = {{b[0] ^ b57, b[2], b46 ^ t, b[3] ^ b[4]}};
    struct sbox_nibble hi = {{b46 ^ b[5], b[1] ^ b[7] ^ b46, t, b57}};

    // (hi y + lo)^-1 = (hi y + hi + lo) / (z^3 hi^2 + hi lo + lo^2)
    struct sbox_nibble norm =
        sbox_add(sbox_add(sbox_square_z3(hi), sbox_mul(hi, lo)), sbox_square(lo));
    struct sbox_nibble share = sbox_invert(norm);
    lo = sbox_mul(sbox_add(hi, lo), share);
    hi = sbox_mul(hi, share);

    // Back to AES's field, with the affine step; its constant is 0x63.
    plane c05 = lo.p[0] ^ hi.p[1];
    plane c12 = lo.p[1] ^ lo.p[2];
    plane c035 = lo.p[3] ^ c05;
    plane c4 = hi.p[0] ^ c035;
    b[0] = ~(lo.p[0] ^ lo.p[2] ^ hi.p[2]);
    b[1] = ~(c12 ^ c4);
    b[2] = hi.p[2] ^ c035;
    b[3] = lo.p[2] ^ c05;
    b[4] = lo.p[1] ^ c4;
    b[5] = ~(lo.p[3] ^ hi.p[1] ^ c12 ^ hi.p[2] ^ hi.p[3]);
    b[6] = ~(hi.p[0] ^ hi.p[2] ^ hi.p[3]);
    b[7] = c12;
}
