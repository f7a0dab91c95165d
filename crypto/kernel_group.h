// Groups of lanes that advance together, over the vocabulary that the includer has chosen
// (lanes_*.h): lanes of one shape and one cookie key, in groups of BLOCK_LANES; and the state of a
// group. Pure; any thread.
//
// A partly filled group costs as much as a full one. So a group that fits one vector of the CPU (1,
// 2 or 4 lanes) is run by the same kernel with blocks of one vector (exchange_*_few.c), in a third
// of the time. Consecutive lanes, the usual case in a burst, are used in place: copying their
// pointers costs a tenth of the whole.
#pragma once

#include "base/bytes.h"
#include "crypto/exchange.h"
#include "crypto/kernel_chain.h"

#include <stdbool.h>

enum {
    KERNEL_KEY_BLOCKS = COOKIE_KEYS_LEN / 16,
    KERNEL_TEXT_AT = EXCHANGE_NONCE_LEN + EXCHANGE_TAG_LEN, // the plaintext within reply_seal
    KERNEL_AD_BLOCKS = EXCHANGE_AD_MAX / 16,
    // Rounded up, because block_crypt reads two runs at a time.
    KERNEL_TEXT_BLOCKS = (EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE / 16 + 7) / 8 * 8,
    KERNEL_SEAL_MAX = KERNEL_TEXT_AT + EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE,
};
static_assert(EXCHANGE_STRIDE % 16 == 8 && EXCHANGE_LEAD + COOKIE_ID_LEN == 8,
              "cookies start at a whole block or at half of one, and so do their nonces");
static_assert(KERNEL_AD_BLOCKS % BLOCK_RUN == 0, "staging goes by whole runs");
static_assert(COOKIE_KEYS_LEN == 16 * BLOCK_RUN, "a cookie's keys are one run of blocks");

// The pointers of each lane, for lanes that are not consecutive in the exchange.
struct kernel_lanes {
    const uint8_t *cookie[BLOCK_LANES];
    const uint8_t *request[BLOCK_LANES];
    const uint8_t *request_seal[BLOCK_LANES];
    const uint8_t *reply[BLOCK_LANES];
    uint8_t *reply_seal[BLOCK_LANES];
    const uint8_t *random[BLOCK_LANES];
};

// The lanes that advance together, and all data that is derived from their cookies.
struct kernel_group {
    lane_set lanes; // lanes in use; the unused ones repeat the first and write to spare
    unsigned n;     // how many
    const uint8_t *const *cookie, *const *request, *const *request_seal, *const *reply,
                                                                             *const *random;
    uint8_t *const *reply_seal;
    struct kernel_lanes picked;
    struct exchange_shape shape;
    const struct cookie_key *open_key, *seal_key;
    _Alignas(16) uint8_t head[16]; // the start of a cookie in the plaintext: lead and id, twice
    uint8_t spare[KERNEL_SEAL_MAX];
    struct block request_in[KERNEL_AD_BLOCKS + 1],
        reply_in[KERNEL_AD_BLOCKS + 1]; // staged: no secret

    // Everything from here on is secret.
    struct block_shared open_mac, open_ctr, seal_mac, seal_ctr;
    struct block keys[KERNEL_KEY_BLOCKS]; // C2S: MAC half, CTR half; S2C: the same
    struct kernel_schedule c2s_mac, s2c_mac, s2c_ctr;
    struct block request_cmac, reply_cmac, text_cmac; // of the walks
    struct block text[KERNEL_TEXT_BLOCKS];            // the reply's plaintext
    unsigned n_text;                                  // blocks of it that any group has used
};

static inline uint64_t kernel_shape(const struct exchange *x, unsigned lane)
{
    uint64_t word;
    memcpy(&word, &x->shape[lane], sizeof word);
    return word;
}

// Do BLOCK_LANES lanes from this one on belong to one group? In a full batch nearly always.
static inline bool kernel_alike(const struct exchange *x, unsigned first)
{
    uint64_t other = 0;
#pragma GCC unroll 16
    for (unsigned i = 1; i < BLOCK_LANES; i++) {
        other |= kernel_shape(x, first + i) ^ kernel_shape(x, first);
        other |= (uintptr_t)x->open_key[first + i] ^ (uintptr_t)x->open_key[first];
    }
    return other == 0;
}

static inline void kernel_take_alike(struct kernel_group *g, const struct exchange *x,
                                     unsigned first)
{
    g->cookie = x->cookie + first;
    g->request = x->request + first;
    g->request_seal = x->request_seal + first;
    g->reply = x->reply + first;
    g->random = x->random + first;
    g->reply_seal = x->reply_seal + first;
    g->n = BLOCK_LANES;
}

static inline void kernel_pick_lane(struct kernel_lanes *picked, const struct exchange *x,
                                    unsigned slot, unsigned lane, uint8_t *reply_seal)
{
    picked->cookie[slot] = x->cookie[lane];
    picked->request[slot] = x->request[lane];
    picked->request_seal[slot] = x->request_seal[lane];
    picked->reply[slot] = x->reply[lane];
    picked->random[slot] = x->random[lane];
    picked->reply_seal[slot] = reply_seal;
}

// Picks the lanes of `left` that match the lowest one. Not inlined: it is rare in full batches.
__attribute__((noinline)) static void kernel_pick(struct kernel_group *g, const struct exchange *x,
                                                  lane_set left)
{
    unsigned first = (unsigned)__builtin_ctzll(left);
    g->n = 0;
    g->lanes = 0;
    while (left != 0 && g->n < BLOCK_LANES) {
        unsigned lane = lane_take(&left);
        if (kernel_shape(x, lane) != kernel_shape(x, first) || x->open_key[lane] != g->open_key)
            continue;
        kernel_pick_lane(&g->picked, x, g->n++, lane, x->reply_seal[lane]);
        g->lanes |= lane_bit(lane);
    }
    for (unsigned slot = g->n; slot < BLOCK_LANES; slot++)
        kernel_pick_lane(&g->picked, x, slot, first, g->spare);
    g->cookie = g->picked.cookie;
    g->request = g->picked.request;
    g->request_seal = g->picked.request_seal;
    g->reply = g->picked.reply;
    g->random = g->picked.random;
    g->reply_seal = g->picked.reply_seal;
}

// Fills a group with lanes of the shape of the lowest one in `left`, and removes them from it.
static inline void kernel_fill_group(struct kernel_group *g, const struct exchange *x,
                                     lane_set *left)
{
    unsigned first = (unsigned)__builtin_ctzll(*left);
    lane_set row = lane_first(BLOCK_LANES) << first;
    g->shape = x->shape[first];
    g->open_key = x->open_key[first];
    if (first + BLOCK_LANES <= LANES && (*left & row) == row && kernel_alike(x, first)) {
        kernel_take_alike(g, x, first);
        g->lanes = row;
    } else {
        kernel_pick(g, x, *left);
    }
    *left &= ~g->lanes;
}

// Notes how many text blocks must be wiped in the end.
static inline void kernel_note_text(struct kernel_group *g)
{
    unsigned n = (g->shape.n_cookies * EXCHANGE_STRIDE + 15) / 16;
    if (n > g->n_text)
        g->n_text = n;
}

// Returns the lanes of a group whose bits are set in genuine; wipes the replies of the others, and
// adds those that are not in opened to *unopened.
__attribute__((noinline)) static lane_set
kernel_sort_out(const struct kernel_group *g, uint32_t opened, uint32_t genuine, lane_set *unopened)
{
    lane_set proven = 0;
    lane_set lanes = g->lanes;
    for (unsigned slot = 0; slot < g->n; slot++) {
        unsigned lane = lane_take(&lanes);
        if (!(opened >> slot & 1))
            *unopened |= lane_bit(lane);
        if (genuine >> slot & 1)
            proven |= lane_bit(lane);
        else
            bytes_wipe(g->reply_seal[slot], KERNEL_TEXT_AT + g->shape.n_cookies * EXCHANGE_STRIDE);
    }
    return proven;
}
