// What the kernels (exchange_kernel.h, siv_lanes_kernel.h) are made of, over the vocabulary that
// the includer has chosen (lanes_*.h): AES, CBC chains and CMAC's last block, of one block each or
// of two side by side. A step waits for the step before, so that two independent chains in one call
// hide each other's latency. Pure; any thread. FIPS 197, RFC 4493, RFC 5297.
#pragma once

#include "crypto/bytes.h"

#include <stddef.h>
#include <stdint.h>

enum {
    KERNEL_ROUNDS = 10,
    KERNEL_FRAME_MAX = 80 * sizeof(struct block), // more than what runs the groups keeps in a frame
};

// AES round keys, others in each lane.
struct kernel_schedule {
    struct block round[KERNEL_ROUNDS + 1];
};

// Makes n schedules whose round 0 is in place, in lockstep.
static inline void kernel_expand(struct kernel_schedule *const k[], unsigned n)
{
    unsigned rcon = 1;
    for (unsigned r = 1; r <= KERNEL_ROUNDS; r++) {
        for (unsigned i = 0; i < n; i++)
            k[i]->round[r] = block_key_step(k[i]->round[r - 1], rcon);
        rcon = rcon << 1 ^ (rcon >> 7) * 0x11b;
    }
}

static inline struct block kernel_encrypt(const struct kernel_schedule *k, struct block b)
{
    b = block_xor(b, k->round[0]);
    for (unsigned r = 1; r < KERNEL_ROUNDS; r++)
        b = block_enc(b, k->round[r]);
    return block_enc_last(b, k->round[KERNEL_ROUNDS]);
}

static inline void kernel_encrypt_pair(const struct kernel_schedule *ka, struct block *a,
                                       const struct kernel_schedule *kb, struct block *b)
{
    struct block s = block_xor(*a, ka->round[0]);
    struct block t = block_xor(*b, kb->round[0]);
    for (unsigned r = 1; r < KERNEL_ROUNDS; r++) {
        s = block_enc(s, ka->round[r]);
        t = block_enc(t, kb->round[r]);
    }
    *a = block_enc_last(s, ka->round[KERNEL_ROUNDS]);
    *b = block_enc_last(t, kb->round[KERNEL_ROUNDS]);
}

static inline struct block kernel_encrypt_shared(const struct block_shared *k, struct block b)
{
    b = block_xor(b, block_shared_round(k, 0));
    for (unsigned r = 1; r < KERNEL_ROUNDS; r++)
        b = block_enc(b, block_shared_round(k, r));
    return block_enc_last(b, block_shared_round(k, KERNEL_ROUNDS));
}

// Both blocks under the same schedule.
static inline void kernel_encrypt_shared_pair(const struct block_shared *k, struct block *a,
                                              struct block *b)
{
    struct block key = block_shared_round(k, 0);
    struct block s = block_xor(*a, key);
    struct block t = block_xor(*b, key);
    for (unsigned r = 1; r < KERNEL_ROUNDS; r++) {
        key = block_shared_round(k, r);
        s = block_enc(s, key);
        t = block_enc(t, key);
    }
    key = block_shared_round(k, KERNEL_ROUNDS);
    *a = block_enc_last(s, key);
    *b = block_enc_last(t, key);
}

// A CBC chain on its way over whole blocks.
struct kernel_walk {
    const struct kernel_schedule *key;
    struct block state;
    const uint8_t *const *in;
    size_t at;
    size_t left; // blocks still to take
};

static inline struct block kernel_walk_next(struct kernel_walk *w)
{
    struct block b = block_xor(w->state, block_load(w->in, w->at));
    w->at += 16;
    w->left--;
    return b;
}

static inline void kernel_walk_alone(struct kernel_walk *w)
{
    while (w->left > 0)
        w->state = kernel_encrypt(w->key, kernel_walk_next(w));
}

// Side by side until one ends.
static inline void kernel_walk_pair(struct kernel_walk *a, struct kernel_walk *b)
{
    while (a->left > 0 && b->left > 0) {
        a->state = kernel_walk_next(a);
        b->state = kernel_walk_next(b);
        kernel_encrypt_pair(a->key, &a->state, b->key, &b->state);
    }
}

// Encrypts b under k beside one step of the walk, if it has one left.
static inline void kernel_walk_beside(struct kernel_walk *w, const struct kernel_schedule *k,
                                      struct block *b)
{
    if (w->left == 0) {
        *b = kernel_encrypt(k, *b);
        return;
    }
    w->state = kernel_walk_next(w);
    kernel_encrypt_pair(w->key, &w->state, k, b);
}

// Blocks of a message before CMAC's last one.
static inline size_t kernel_lead(size_t len)
{
    return (len - 1) / 16;
}

// CMAC's last block of a message of len octets, 16 or more, with its subkey.
static inline struct block kernel_last(const uint8_t *const in[BLOCK_LANES], size_t len,
                                       struct block subkey1)
{
    unsigned rest = len % 16;
    if (rest == 0)
        return block_xor(block_load(in, len - 16), subkey1);
    return block_xor(block_load_tail(in, len, rest), block_dbl(subkey1));
}

// S2V's D before the plaintext, from CMAC(<zero>) and those of its two components. RFC 5297,
// section 2.4.
static inline struct block kernel_s2v(struct block zero, struct block ad, struct block nonce)
{
    struct block d = block_xor(block_dbl(zero), ad);
    return block_xor(block_dbl(d), nonce);
}

// CMAC's only block when the plaintext is empty: T = dbl(D) xor pad(<empty>), with its subkey.
static inline struct block kernel_last_empty(struct block d, struct block subkey1)
{
    static const uint8_t pad[16] = {0x80};
    return block_xor(block_xor(block_dbl(d), block_broadcast(pad)), subkey1);
}

// Wipes where the frame of a function has been that the caller has called: the compiler keeps
// blocks there when registers run out.
__attribute__((noinline)) static void kernel_wipe_frame(void)
{
    uint8_t frame[KERNEL_FRAME_MAX];
    bytes_wipe(frame, sizeof frame);
}
