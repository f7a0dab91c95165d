// The parts of the kernels (exchange_kernel.h, siv_lanes_kernel.h), over the vocabulary that the
// includer has chosen (lanes_*.h): AES in lockstep, CBC chains over messages, CMAC's last block,
// S2V.
//
// An AES round waits four cycles for the previous one, and two rounds can start in each cycle. So
// up to three blocks that do not depend on each other are encrypted together, round by round. They
// may have different keys. Processors do not find this parallelism by themselves: their schedulers
// hold too few instructions. Pure; any thread. FIPS 197, RFC 4493, RFC 5297.
#pragma once

#include "base/bytes.h"
#include "crypto/hot_inline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    // More than the frame of the function that runs the groups: blocks, and other data.
    KERNEL_FRAME_MAX = BLOCK_SPILLS * sizeof(struct block) + 1024,
};

// AES round keys, different ones in each lane.
struct kernel_schedule {
    struct block round[BLOCK_ROUNDS + 1];
};

// The key for a block: each lane's own schedule, or one that all lanes share.
struct kernel_key {
    const struct block *own; // NULL: shared
    const struct block_shared *shared;
};

hot_inline struct kernel_key kernel_own(const struct kernel_schedule *k)
{
    return (struct kernel_key){.own = k->round};
}

hot_inline struct kernel_key kernel_shared(const struct block_shared *k)
{
    return (struct kernel_key){.shared = k};
}

hot_inline struct block kernel_round_key(struct kernel_key k, unsigned r)
{
    return k.own != NULL ? k.own[r] : block_shared_round(k.shared, r);
}

// Makes a schedule from each lane's key.
hot_inline void kernel_expand(struct kernel_schedule *k, struct block key)
{
    struct block_key at = block_key_of(key);
    k->round[0] = key;
#pragma GCC unroll 1
    for (unsigned r = 1; r <= BLOCK_ROUNDS; r++) {
        at = block_key_next(at, r);
        k->round[r] = block_key_get(at);
    }
}

// Makes three schedules while it encrypts one block: the four do not depend on each other, so their
// instructions can overlap.
hot_inline struct block kernel_expand_three(struct kernel_schedule *ka, struct block a,
                                            struct kernel_schedule *kb, struct block b,
                                            struct kernel_schedule *kc, struct block c,
                                            struct kernel_key key, struct block beside)
{
    struct block_key at_a = block_key_of(a), at_b = block_key_of(b), at_c = block_key_of(c);
    ka->round[0] = a;
    kb->round[0] = b;
    kc->round[0] = c;
    beside = block_xor(beside, kernel_round_key(key, 0));
#pragma GCC unroll 1
    for (unsigned r = 1; r <= BLOCK_ROUNDS; r++) {
        at_a = block_key_next(at_a, r);
        at_b = block_key_next(at_b, r);
        at_c = block_key_next(at_c, r);
        ka->round[r] = block_key_get(at_a);
        kb->round[r] = block_key_get(at_b);
        kc->round[r] = block_key_get(at_c);
        if (r < BLOCK_ROUNDS)
            beside = block_enc(beside, kernel_round_key(key, r));
    }
    return block_enc_last(beside, kernel_round_key(key, BLOCK_ROUNDS));
}

hot_inline struct block kernel_encrypt(struct kernel_key k, struct block b)
{
    b = block_xor(b, kernel_round_key(k, 0));
#pragma GCC unroll 1
    for (unsigned r = 1; r < BLOCK_ROUNDS; r++)
        b = block_enc(b, kernel_round_key(k, r));
    return block_enc_last(b, kernel_round_key(k, BLOCK_ROUNDS));
}

// Encrypts two blocks in lockstep.
hot_inline void kernel_encrypt_two(struct kernel_key ka, struct block *a, struct kernel_key kb,
                                   struct block *b)
{
    struct block s = block_xor(*a, kernel_round_key(ka, 0));
    struct block t = block_xor(*b, kernel_round_key(kb, 0));
#pragma GCC unroll 1
    for (unsigned r = 1; r < BLOCK_ROUNDS; r++) {
        s = block_enc(s, kernel_round_key(ka, r));
        t = block_enc(t, kernel_round_key(kb, r));
    }
    *a = block_enc_last(s, kernel_round_key(ka, BLOCK_ROUNDS));
    *b = block_enc_last(t, kernel_round_key(kb, BLOCK_ROUNDS));
}

// Encrypts three blocks in lockstep.
hot_inline void kernel_encrypt_three(struct kernel_key ka, struct block *a, struct kernel_key kb,
                                     struct block *b, struct kernel_key kc, struct block *c)
{
    struct block s = block_xor(*a, kernel_round_key(ka, 0));
    struct block t = block_xor(*b, kernel_round_key(kb, 0));
    struct block u = block_xor(*c, kernel_round_key(kc, 0));
#pragma GCC unroll 1
    for (unsigned r = 1; r < BLOCK_ROUNDS; r++) {
        s = block_enc(s, kernel_round_key(ka, r));
        t = block_enc(t, kernel_round_key(kb, r));
        u = block_enc(u, kernel_round_key(kc, r));
    }
    *a = block_enc_last(s, kernel_round_key(ka, BLOCK_ROUNDS));
    *b = block_enc_last(t, kernel_round_key(kb, BLOCK_ROUNDS));
    *c = block_enc_last(u, kernel_round_key(kc, BLOCK_ROUNDS));
}

// Reads n consecutive blocks of each lane. Two loads of 64 octets per lane and half a transposition
// are cheaper than loading block by block. Reading them between the rounds of AES was tried and
// gains nothing, since shuffles and AES use the same execution ports.
hot_inline void kernel_stage(struct block *out, const uint8_t *const at[BLOCK_LANES], unsigned n)
{
#pragma GCC unroll 1
    for (unsigned i = 0; i < n; i += BLOCK_RUN)
        block_load_run(out + i, at, 16 * i, n - i < BLOCK_RUN ? n - i : BLOCK_RUN);
}

// A CBC chain over a message of staged blocks; the last block includes CMAC's subkey.
//
// A step is kernel_walk_in, an encryption, kernel_walk_out, so that it can run in lockstep with
// others. Steps after the end are idle: their results are not used.
struct kernel_walk {
    const struct block *next;
    unsigned left; // remaining blocks, the last one included
    struct block state;
    struct block *cmac; // written by the last step
};

// Stages a message of len octets, 16 or more, without its last block, and starts a chain over it.
// in: space for its blocks, rounded up to whole runs, and one more, which idle steps read.
hot_inline struct kernel_walk kernel_walk_start(const uint8_t *const at[BLOCK_LANES], size_t len,
                                                struct block *in, struct block *cmac)
{
    unsigned n = (unsigned)((len + 15) / 16);
    kernel_stage(in, at, n - 1);
    return (struct kernel_walk){.next = in, .left = n, .state = block_zero(), .cmac = cmac};
}

// The next block to be encrypted.
hot_inline struct block kernel_walk_in(const struct kernel_walk *w)
{
    return block_xor(w->state, *w->next);
}

hot_inline void kernel_walk_out(struct kernel_walk *w, struct block encrypted)
{
    w->state = encrypted;
    if (w->left == 0)
        return;
    w->next++;
    if (--w->left == 0)
        *w->cmac = encrypted;
}

// The same for a first step that was done before the last block was known.
hot_inline void kernel_walk_out_first(struct kernel_walk *w, struct block encrypted)
{
    if (w->left > 1)
        kernel_walk_out(w, encrypted);
    else
        w->state = block_zero(); // the message has only the last block
}

// CMAC's last block of a message of len octets, 16 or more, with its subkey.
hot_inline struct block kernel_last(const uint8_t *const in[BLOCK_LANES], size_t len,
                                    struct block subkey1)
{
    unsigned rest = len % 16;
    if (rest == 0)
        return block_xor(block_load(in, len - 16), subkey1);
    return block_xor(block_load_tail(in, len, rest), block_dbl(subkey1));
}

// S2V's D before the plaintext, from CMAC(<zero>) and the CMACs of its two components. RFC 5297,
// section 2.4.
hot_inline struct block kernel_s2v(struct block zero, struct block ad, struct block nonce)
{
    struct block d = block_xor(block_dbl(zero), ad);
    return block_xor(block_dbl(d), nonce);
}

// CMAC's only block when the plaintext is empty: T = dbl(D) xor pad(<empty>), with its subkey.
hot_inline struct block kernel_last_empty(struct block d, struct block subkey1)
{
    static const uint8_t pad[16] = {0x80};
    return block_xor(block_xor(block_dbl(d), block_broadcast(pad)), subkey1);
}

// Wipes the stack area of a function that the caller has called before: the compiler keeps blocks
// there when registers run out.
__attribute__((noinline)) static void kernel_wipe_frame(void)
{
    uint8_t frame[KERNEL_FRAME_MAX];
    bytes_wipe(frame, sizeof frame);
}
