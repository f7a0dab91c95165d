// The chains that an exchange is made of, over the vocabulary that the includer has chosen
// (lanes_*.h): AES, CBC chains and CMAC's last block, of one block each or of two side by side.
// A step waits for the step before, so that two independent chains in one call hide each other's
// latency. Pure; any thread. FIPS 197, RFC 4493.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { KERNEL_ROUNDS = 10 };

// AES round keys, others in each lane.
struct kernel_schedule {
    struct block round[KERNEL_ROUNDS + 1];
};

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
