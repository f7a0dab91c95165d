// AES-SIV over lanes, written once over the vocabulary that the includer has chosen (lanes_*.h).
// Lanes of one shape advance side by side in groups of BLOCK_LANES; a group that is not full costs
// as much as a full one.
//
// A message has few chains, and only the last two blocks of its plaintext wait for the associated
// data: whatever does not wait goes beside something else.
// Pure; any thread. RFC 5297, sections 2.4, 2.6 and 2.7.
#pragma once

#include "crypto/bytes.h"
#include "crypto/kernel_chain.h"
#include "crypto/siv_lanes.h"

enum siv_lanes_work { SIV_LANES_SEAL, SIV_LANES_OPEN, SIV_LANES_DECRYPT };

// The lanes that advance together, and all that is derived from their keys.
struct siv_lanes_group {
    unsigned n;                 // lanes in use; the others repeat the first, octet for octet
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
    struct block subkey1;      // CMAC's
    struct block zero, nonced; // CMAC of <zero> and of the nonce: S2V's components beside the data
};

// What groups lanes: the lengths that this work goes by.
static inline uint32_t siv_lanes_shape(const struct siv_lanes *s, unsigned lane,
                                       enum siv_lanes_work work)
{
    uint32_t ad_len = work != SIV_LANES_DECRYPT ? s->ad_len[lane] : 0;
    uint32_t len = work != SIV_LANES_SEAL ? s->len[lane] : 0;
    return ad_len << 16 | len;
}

static inline void siv_lanes_take(struct siv_lanes_group *g, const struct siv_lanes *s,
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

// Fills a group with lanes of the shape of the lowest one in `left`, and takes them out of it.
static inline void siv_lanes_gather(struct siv_lanes_group *g, const struct siv_lanes *s,
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

// The schedules that this work needs, from the raw keys.
static inline void siv_lanes_expand(struct siv_lanes_group *g, enum siv_lanes_work work)
{
    struct kernel_schedule *const both[] = {&g->mac, &g->ctr};
    if (work != SIV_LANES_DECRYPT)
        g->mac.round[0] = block_load(g->key, 0);
    if (work != SIV_LANES_SEAL)
        g->ctr.round[0] = block_load(g->key, SIV_KEY_LEN / 2);
    if (work == SIV_LANES_OPEN)
        kernel_expand(both, 2);
    else
        kernel_expand(both + (work == SIV_LANES_DECRYPT), 1);
}

// CMAC's subkey, and S2V's components beside the associated data, which takes its first steps.
static inline void siv_lanes_start(struct siv_lanes_group *g, struct kernel_walk *ad)
{
    struct block subkey1 = block_zero();
    kernel_walk_beside(ad, &g->mac, &subkey1);
    g->subkey1 = block_dbl(subkey1);
    g->zero = g->subkey1;
    kernel_walk_beside(ad, &g->mac, &g->zero);
    g->nonced = block_xor(block_load(g->nonce, 0), g->subkey1);
    kernel_walk_beside(ad, &g->mac, &g->nonced);
}

static inline void siv_lanes_seal(struct siv_lanes_group *g)
{
    struct kernel_walk ad = {&g->mac, block_zero(), g->ad, 0, kernel_lead(g->ad_len)};
    siv_lanes_start(g, &ad);
    kernel_walk_alone(&ad);
    struct block last = block_xor(ad.state, kernel_last(g->ad, g->ad_len, g->subkey1));
    struct block d = kernel_s2v(g->zero, kernel_encrypt(&g->mac, last), g->nonced);
    block_store(kernel_encrypt(&g->mac, kernel_last_empty(d, g->subkey1)), g->tag, 0);
}

// plain = ciphertext xor the keystream of the tag, by whole blocks.
static inline void siv_lanes_decrypt(struct siv_lanes_group *g)
{
    const struct block counter = block_counter(block_load(g->sealed, 0));
    for (size_t at = 0; at < g->len; at += 32) {
        struct block s = block_counter_add(counter, (unsigned)(at / 16));
        struct block t = block_counter_add(counter, (unsigned)(at / 16) + 1);
        kernel_encrypt_pair(&g->ctr, &s, &g->ctr, &t);
        s = block_xor(s, block_load(g->sealed, SIV_TAG_LEN + at));
        block_store(s, g->plain, at);
        if (at + 16 < g->len) {
            t = block_xor(t, block_load(g->sealed, SIV_TAG_LEN + at + 16));
            block_store(t, g->plain, at + 16);
        }
    }
}

// The bits of the lanes whose tag is right.
static inline uint32_t siv_lanes_open(struct siv_lanes_group *g)
{
    struct kernel_walk ad = {&g->mac, block_zero(), g->ad, 0, kernel_lead(g->ad_len)};
    siv_lanes_start(g, &ad);
    siv_lanes_decrypt(g);

    // T = plaintext xorend D. D meets the last block, or parts of the last two.
    unsigned rest = g->len % 16;
    struct kernel_walk text = {&g->mac, block_zero(), g->text, 0,
                               kernel_lead(g->len) - (rest != 0 ? 1 : 0)};
    kernel_walk_pair(&ad, &text);
    kernel_walk_alone(&ad);
    ad.state = block_xor(ad.state, kernel_last(g->ad, g->ad_len, g->subkey1));
    kernel_walk_beside(&text, &g->mac, &ad.state);
    kernel_walk_alone(&text);
    struct block d = kernel_s2v(g->zero, ad.state, g->nonced);
    if (rest != 0) {
        text.state = block_xor(kernel_walk_next(&text), block_down(d, rest));
        text.state = kernel_encrypt(&g->mac, text.state);
        d = block_up(d, 16 - rest);
    }
    text.state = block_xor(block_xor(text.state, d), kernel_last(g->text, g->len, g->subkey1));
    text.state = kernel_encrypt(&g->mac, text.state);
    return block_equal(text.state, block_load(g->sealed, 0));
}

// In a frame of its own, below that of siv_lanes_run, which has it wiped.
__attribute__((noinline)) static lane_set siv_lanes_run_groups(struct siv_lanes_group *g,
                                                               const struct siv_lanes *s,
                                                               lane_set which,
                                                               enum siv_lanes_work work)
{
    lane_set proven = 0;
    while (which != 0) {
        siv_lanes_gather(g, s, &which, work);
        siv_lanes_expand(g, work);
        if (work == SIV_LANES_SEAL)
            siv_lanes_seal(g);
        if (work == SIV_LANES_DECRYPT)
            siv_lanes_decrypt(g);
        if (work != SIV_LANES_OPEN)
            continue;
        uint32_t genuine = siv_lanes_open(g);
        for (unsigned slot = 0; slot < g->n; slot++) {
            if (genuine >> slot & 1)
                proven |= lane_bit(g->lane[slot]);
            else
                bytes_wipe(g->plain[slot], (g->len + 15) / 16 * 16);
        }
    }
    return proven;
}

static inline lane_set siv_lanes_run(const struct siv_lanes *s, lane_set which,
                                     enum siv_lanes_work work)
{
    struct siv_lanes_group g;
    lane_set proven = siv_lanes_run_groups(&g, s, which, work);
    bytes_wipe(&g, sizeof g);
    kernel_wipe_frame();
    return proven;
}
