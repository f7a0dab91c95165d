// AES-SIV over lanes, written once over the vocabulary that the includer has chosen (lanes_*.h).
// Lanes of one shape advance side by side in groups of BLOCK_LANES; a partly filled group costs as
// much as a full one.
//
// A message has few chains, and only the last two blocks of its plaintext wait for the associated
// data: steps that do not wait run in parallel with others. Pure; any thread. RFC 5297, sections
// 2.4, 2.6 and 2.7.
#pragma once

#include "base/bytes.h"
#include "crypto/client_lanes.h"
#include "crypto/kernel_chain.h"

enum { SIV_LANES_AD_BLOCKS = CLIENT_LANES_AD_MAX / 16 };
static_assert(SIV_LANES_AD_BLOCKS % BLOCK_RUN == 0, "staging goes by whole runs");

enum siv_lanes_work { SIV_LANES_SEAL, SIV_LANES_OPEN, SIV_LANES_DECRYPT };

// The lanes that advance together, and all data that is derived from their keys.
struct siv_lanes_group {
    unsigned n;                 // lanes in use; the unused ones repeat the first, octet for octet
    unsigned lane[BLOCK_LANES]; // their numbers in the batch
    const uint8_t *key[BLOCK_LANES];
    const uint8_t *ad[BLOCK_LANES];
    const uint8_t *nonce[BLOCK_LANES];
    uint8_t *tag[BLOCK_LANES];
    const uint8_t *sealed[BLOCK_LANES];
    uint8_t *plain[BLOCK_LANES];
    const uint8_t *text[BLOCK_LANES]; // plain again, for reading
    unsigned ad_len, len;             // the shape

    struct kernel_schedule mac, ctr;
    struct block cmac;         // the result of the walk
    struct kernel_walk walk;   // over the associated data
    struct block subkey1;      // CMAC's
    struct block zero, nonced; // CMAC of <zero> and of the nonce: S2V's components besides the data
    struct block in[SIV_LANES_AD_BLOCKS + 1]; // the associated data, staged: no secret
};

// Lanes with the same shape form a group: the lengths that matter for this work.
static inline uint32_t siv_lanes_shape(const struct client_lanes *s, unsigned lane,
                                       enum siv_lanes_work work)
{
    uint32_t ad_len = work != SIV_LANES_DECRYPT ? s->ad_len[lane] : 0;
    uint32_t len = work != SIV_LANES_SEAL ? s->len[lane] : 0;
    return ad_len << 16 | len;
}

static inline void siv_lanes_take(struct siv_lanes_group *g, const struct client_lanes *s,
                                  unsigned slot, unsigned lane)
{
    g->lane[slot] = lane;
    g->key[slot] = s->key[lane];
    g->ad[slot] = s->ad[lane];
    g->nonce[slot] = s->nonce[lane];
    g->tag[slot] = s->tag[lane];
    g->sealed[slot] = s->sealed[lane];
    g->plain[slot] = s->plain[lane];
    g->text[slot] = s->plain[lane];
}

// Fills a group with lanes of the shape of the lowest one in `left`, and removes them from it.
static inline void siv_lanes_fill_group(struct siv_lanes_group *g, const struct client_lanes *s,
                                        lane_set *left, enum siv_lanes_work work)
{
    unsigned first = (unsigned)__builtin_ctzll(*left);
    uint32_t shape = siv_lanes_shape(s, first, work);
    g->n = 0;
    g->ad_len = shape >> 16;
    g->len = shape & 0xffff;
    for (lane_set look = *left; look != 0 && g->n < BLOCK_LANES;) {
        unsigned lane = lane_take(&look);
        if (siv_lanes_shape(s, lane, work) != shape)
            continue;
        siv_lanes_take(g, s, g->n++, lane);
        *left &= ~lane_bit(lane);
    }
    for (unsigned slot = g->n; slot < BLOCK_LANES; slot++)
        siv_lanes_take(g, s, slot, first);
}

// Makes the schedules that this work needs from the raw keys.
static inline void siv_lanes_expand(struct siv_lanes_group *g, enum siv_lanes_work work)
{
    if (work != SIV_LANES_DECRYPT)
        kernel_expand(&g->mac, block_load(g->key, 0));
    if (work != SIV_LANES_SEAL)
        kernel_expand(&g->ctr, block_load(g->key, SIV_KEY_LEN / 2));
}

// CMAC's subkey, S2V's components besides the associated data, and the first steps of the chain
// over that data.
static inline void siv_lanes_start(struct siv_lanes_group *g)
{
    const struct kernel_key mac = kernel_own(&g->mac);
    g->walk = kernel_walk_start(g->ad, g->ad_len, g->in, &g->cmac);
    struct block subkey1 = block_zero();
    struct block ad = kernel_walk_in(&g->walk);
    kernel_encrypt_two(mac, &subkey1, mac, &ad);
    kernel_walk_out_first(&g->walk, ad);
    g->subkey1 = block_dbl(subkey1);
    g->in[(g->ad_len - 1) / 16] = kernel_last(g->ad, g->ad_len, g->subkey1);
    g->zero = g->subkey1;
    g->nonced = block_xor(block_load(g->nonce, 0), g->subkey1);
    ad = kernel_walk_in(&g->walk);
    kernel_encrypt_three(mac, &g->zero, mac, &g->nonced, mac, &ad);
    kernel_walk_out(&g->walk, ad);
}

static inline void siv_lanes_seal(struct siv_lanes_group *g)
{
    const struct kernel_key mac = kernel_own(&g->mac);
    siv_lanes_start(g);
    struct kernel_walk walk = g->walk;
    while (walk.left > 0)
        kernel_walk_out(&walk, kernel_encrypt(mac, kernel_walk_in(&walk)));
    struct block d = kernel_s2v(g->zero, g->cmac, g->nonced);
    block_store(kernel_encrypt(mac, kernel_last_empty(d, g->subkey1)), g->tag, 0);
}

// plain = ciphertext xor the keystream of the tag, in whole blocks. The chain over the associated
// data, if there is one, runs in parallel.
static inline void siv_lanes_decrypt(struct siv_lanes_group *g, enum siv_lanes_work work)
{
    const struct kernel_key ctr = kernel_own(&g->ctr);
    const struct kernel_key mac = kernel_own(&g->mac);
    struct block counter = block_counter(block_load(g->sealed, 0));
    for (size_t at = 0; at < g->len; at += 32) {
        struct block s = counter;
        struct block t = block_counter_next(counter);
        counter = block_counter_next(t);
        if (work == SIV_LANES_OPEN) {
            struct block ad = kernel_walk_in(&g->walk);
            kernel_encrypt_three(ctr, &s, ctr, &t, mac, &ad);
            kernel_walk_out(&g->walk, ad);
        } else {
            kernel_encrypt_two(ctr, &s, ctr, &t);
        }
        block_store(block_xor(s, block_load(g->sealed, SIV_TAG_LEN + at)), g->plain, at);
        if (at + 16 < g->len) {
            t = block_xor(t, block_load(g->sealed, SIV_TAG_LEN + at + 16));
            block_store(t, g->plain, at + 16);
        }
    }
}

// Returns the bits of the lanes whose tag is right.
static inline uint32_t siv_lanes_open(struct siv_lanes_group *g)
{
    const struct kernel_key mac = kernel_own(&g->mac);
    siv_lanes_start(g);
    siv_lanes_decrypt(g, SIV_LANES_OPEN);

    // T = plaintext xorend D. D is xored to the last block, or to parts of the last two.
    unsigned rest = g->len % 16;
    size_t end = (g->len / 16 - 1) * 16;
    struct kernel_walk walk = g->walk;
    struct block text = block_zero();
    for (size_t at = 0; at < end; at += 16) {
        struct block ad = kernel_walk_in(&walk);
        text = block_xor(text, block_load(g->text, at));
        kernel_encrypt_two(mac, &text, mac, &ad);
        kernel_walk_out(&walk, ad);
    }
    while (walk.left > 0)
        kernel_walk_out(&walk, kernel_encrypt(mac, kernel_walk_in(&walk)));
    struct block d = kernel_s2v(g->zero, g->cmac, g->nonced);
    if (rest != 0) {
        text = block_xor(block_xor(text, block_load(g->text, end)), block_down(d, rest));
        text = kernel_encrypt(mac, text);
        d = block_up(d, 16 - rest);
    }
    text = block_xor(block_xor(text, d), kernel_last(g->text, g->len, g->subkey1));
    return block_equal(kernel_encrypt(mac, text), block_load(g->sealed, 0));
}

// In a frame of its own, below that of siv_lanes_run, which then wipes it.
__attribute__((noinline)) static lane_set siv_lanes_run_groups(struct siv_lanes_group *g,
                                                               const struct client_lanes *s,
                                                               lane_set which,
                                                               enum siv_lanes_work work)
{
    lane_set proven = 0;
    while (which != 0) {
        siv_lanes_fill_group(g, s, &which, work);
        siv_lanes_expand(g, work);
        if (work == SIV_LANES_SEAL)
            siv_lanes_seal(g);
        if (work == SIV_LANES_DECRYPT)
            siv_lanes_decrypt(g, work);
        uint32_t genuine = work == SIV_LANES_OPEN ? siv_lanes_open(g) : 0;
        if (work != SIV_LANES_DECRYPT)
            g->in[(g->ad_len - 1) / 16] = block_zero(); // CMAC's subkey was in there
        if (work != SIV_LANES_OPEN)
            continue;
        for (unsigned slot = 0; slot < g->n; slot++) {
            if (genuine >> slot & 1)
                proven |= lane_bit(g->lane[slot]);
            else
                bytes_wipe(g->plain[slot], (g->len + 15) / 16 * 16);
        }
    }
    return proven;
}

static inline lane_set siv_lanes_run(const struct client_lanes *s, lane_set which,
                                     enum siv_lanes_work work)
{
    struct siv_lanes_group g;
    lane_set proven = siv_lanes_run_groups(&g, s, which, work);
    bytes_wipe(&g, offsetof(struct siv_lanes_group, in));
    kernel_wipe_frame();
    return proven;
}
