// The exchange over lanes, written once over the vocabulary that the includer has chosen
// (lanes_*.h). Lanes of one shape and one cookie key advance side by side in groups of BLOCK_LANES;
// a group that is not full costs as much as a full one.
//
// Two chains that do not depend on each other go in one call (a pair) wherever there are two.
// Pure; any thread. RFC 5297 (S2V, CTR), RFC 4493 (CMAC), RFC 8915, section 5.7.
#pragma once

#include "crypto/bytes.h"
#include "crypto/exchange.h"
#include "crypto/kernel_chain.h"

enum {
    KERNEL_TEXT_AT = EXCHANGE_NONCE_LEN + EXCHANGE_TAG_LEN, // the plaintext within reply_seal
    KERNEL_SEAL_MAX = KERNEL_TEXT_AT + EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE,
    COOKIE_NONCE_AT = COOKIE_ID_LEN,
    COOKIE_TAG_AT = COOKIE_NONCE_AT + COOKIE_NONCE_LEN,
    COOKIE_KEYS_AT = COOKIE_TAG_AT + COOKIE_TAG_LEN,
    COOKIE_KEY_BLOCKS = COOKIE_KEYS_LEN / 16,
};
static_assert(EXCHANGE_STRIDE % 16 == 8, "a plaintext ends with a whole block or with half of one");

// The lanes that advance together, and all that is derived from their cookies.
struct kernel_group {
    unsigned n;                 // lanes in use; the others repeat the first and write to spare
    unsigned lane[BLOCK_LANES]; // their numbers in the exchange
    const uint8_t *cookie[BLOCK_LANES];
    const uint8_t *ask[BLOCK_LANES];
    const uint8_t *ask_seal[BLOCK_LANES];
    const uint8_t *reply[BLOCK_LANES];
    uint8_t *reply_seal[BLOCK_LANES];
    const uint8_t *text[BLOCK_LANES]; // reply_seal again, for reading
    const uint8_t *random[BLOCK_LANES];
    unsigned ask_len, reply_len, n_cookies; // the shape
    const struct cookie_key *open_key, *seal_key;

    struct block_shared open_mac, open_ctr, seal_mac, seal_ctr;
    struct block keys[COOKIE_KEY_BLOCKS]; // C2S: MAC half, CTR half; S2C: the same
    struct block chain;                   // CBC chain over keys[0..2] under the open key
    struct kernel_schedule c2s_mac, s2c_mac, s2c_ctr;
    uint8_t spare[KERNEL_SEAL_MAX];
};

// The three schedules of each client. C2S's CTR half is not needed: the request has no ciphertext.
static inline void kernel_expand_clients(struct kernel_group *g)
{
    g->c2s_mac.round[0] = g->keys[0];
    g->s2c_mac.round[0] = g->keys[2];
    g->s2c_ctr.round[0] = g->keys[3];
    struct kernel_schedule *const schedules[] = {&g->c2s_mac, &g->s2c_mac, &g->s2c_ctr};
    kernel_expand(schedules, 3);
}

// Opens the cookies; the bits of those that are genuine. RFC 5297, section 2.7.
static inline uint32_t kernel_open_cookies(struct kernel_group *g)
{
    const struct block subkey = block_broadcast(g->open_key->subkey1);
    const struct block tag = block_load(g->cookie, COOKIE_TAG_AT);
    const struct block counter = block_counter(tag);
    for (unsigned i = 0; i < COOKIE_KEY_BLOCKS; i += 2) {
        struct block s = block_counter_add(counter, i);
        struct block t = block_counter_add(counter, i + 1);
        kernel_encrypt_shared_pair(&g->open_ctr, &s, &t);
        g->keys[i] = block_xor(s, block_load(g->cookie, COOKIE_KEYS_AT + 16 * i));
        g->keys[i + 1] = block_xor(t, block_load(g->cookie, COOKIE_KEYS_AT + 16 * i + 16));
    }
    struct block chain = g->keys[0];
    struct block d = block_xor(block_load(g->cookie, COOKIE_NONCE_AT), subkey);
    kernel_encrypt_shared_pair(&g->open_mac, &chain, &d);
    chain = kernel_encrypt_shared(&g->open_mac, block_xor(chain, g->keys[1]));
    chain = kernel_encrypt_shared(&g->open_mac, block_xor(chain, g->keys[2]));
    g->chain = chain;
    d = block_xor(d, block_broadcast(g->open_key->s2v_prefix));
    struct block last = block_xor(block_xor(g->keys[3], d), subkey);
    return block_equal(kernel_encrypt_shared(&g->open_mac, block_xor(chain, last)), tag);
}

// Writes new cookies behind their leads. All of one lane hold the same keys, so they share the CMAC
// chain up to the last block; under the key that opened the old cookie that chain is known already.
static inline void kernel_seal_cookies(struct kernel_group *g)
{
    const struct block subkey = block_broadcast(g->seal_key->subkey1);
    struct block chain = g->chain;
    if (g->seal_key != g->open_key) {
        chain = block_zero();
        for (unsigned i = 0; i < COOKIE_KEY_BLOCKS - 1; i++)
            chain = kernel_encrypt_shared(&g->seal_mac, block_xor(chain, g->keys[i]));
    }
    chain = block_xor(block_xor(chain, g->keys[COOKIE_KEY_BLOCKS - 1]), subkey);
    chain = block_xor(chain, block_broadcast(g->seal_key->s2v_prefix));

    struct block nonce = block_load(g->random, EXCHANGE_NONCE_LEN);
    struct block d = kernel_encrypt_shared(&g->seal_mac, block_xor(nonce, subkey));
    for (unsigned c = 0; c < g->n_cookies; c++) {
        size_t at = KERNEL_TEXT_AT + c * EXCHANGE_STRIDE + EXCHANGE_LEAD;
        for (unsigned l = 0; l < BLOCK_LANES; l++)
            be32_put(g->reply_seal[l] + at, g->seal_key->id);
        block_store(nonce, g->reply_seal, at + COOKIE_NONCE_AT);

        // The next cookie's nonce goes in beside this one's tag; behind the last it is not used.
        struct block tag = block_xor(chain, d);
        nonce = block_load(g->random, c + 1 < g->n_cookies ? 16 * (c + 2) : 0);
        d = block_xor(nonce, subkey);
        kernel_encrypt_shared_pair(&g->seal_mac, &tag, &d);
        block_store(tag, g->reply_seal, at + COOKIE_TAG_AT);

        const struct block counter = block_counter(tag);
        for (unsigned i = 0; i < COOKIE_KEY_BLOCKS; i += 2) {
            struct block s = block_counter_add(counter, i);
            struct block t = block_counter_add(counter, i + 1);
            kernel_encrypt_shared_pair(&g->seal_ctr, &s, &t);
            block_store(block_xor(s, g->keys[i]), g->reply_seal, at + COOKIE_KEYS_AT + 16 * i);
            block_store(block_xor(t, g->keys[i + 1]), g->reply_seal,
                        at + COOKIE_KEYS_AT + 16 * i + 16);
        }
    }
}

// xors the keystream of the tag over the plaintext. RFC 5297, section 2.6.
static inline void kernel_crypt_reply(struct kernel_group *g, struct block tag)
{
    const struct block counter = block_counter(tag);
    unsigned len = g->n_cookies * EXCHANGE_STRIDE;
    for (unsigned i = 0; 16 * i < len; i += 2) {
        struct block s = block_counter_add(counter, i);
        struct block t = block_counter_add(counter, i + 1);
        kernel_encrypt_pair(&g->s2c_ctr, &s, &g->s2c_ctr, &t);
        size_t at = KERNEL_TEXT_AT + 16 * i;
        unsigned rest = len - 16 * i;
        if (rest < 16) {
            // Half a block is left. Its octets are read with the eight before them.
            s = block_xor(s, block_up(block_load(g->text, at - 8), 8));
            block_store_half(s, g->reply_seal, at);
            break;
        }
        block_store(block_xor(s, block_load(g->text, at)), g->reply_seal, at);
        if (rest < 32) {
            if (rest > 16) {
                t = block_xor(t, block_up(block_load(g->text, at + 8), 8));
                block_store_half(t, g->reply_seal, at + 16);
            }
            break;
        }
        block_store(block_xor(t, block_load(g->text, at + 16)), g->reply_seal, at + 16);
    }
}

// Checks the request under C2S while it seals the reply under S2C. The bits of the lanes whose
// request is genuine. RFC 8915, section 5.7.
static inline uint32_t kernel_check_and_seal(struct kernel_group *g)
{
    const struct kernel_schedule *c2s = &g->c2s_mac;
    const struct kernel_schedule *s2c = &g->s2c_mac;

    // CMAC's subkeys, then S2V's start: D = CMAC(<zero>).
    struct block ask_k1 = block_zero();
    struct block reply_k1 = block_zero();
    kernel_encrypt_pair(c2s, &ask_k1, s2c, &reply_k1);
    ask_k1 = block_dbl(ask_k1);
    reply_k1 = block_dbl(reply_k1);
    struct block ask_d = ask_k1;
    struct block reply_d = reply_k1;
    kernel_encrypt_pair(c2s, &ask_d, s2c, &reply_d);

    // The nonces, S2V's second component.
    const struct block reply_nonce = block_load(g->random, 0);
    struct block ask_n = block_xor(block_load(g->ask_seal, 0), ask_k1);
    struct block reply_n = block_xor(reply_nonce, reply_k1);
    kernel_encrypt_pair(c2s, &ask_n, s2c, &reply_n);
    block_store(reply_nonce, g->reply_seal, 0);

    // The associated data, the first component. The reply's is the shorter one as a rule, and its
    // plaintext follows.
    struct kernel_walk ask = {c2s, block_zero(), g->ask, 0, kernel_lead(g->ask_len)};
    struct kernel_walk ad = {s2c, block_zero(), g->reply, 0, kernel_lead(g->reply_len)};
    kernel_walk_pair(&ask, &ad);
    kernel_walk_alone(&ad);
    ad.state = block_xor(ad.state, kernel_last(g->reply, g->reply_len, reply_k1));
    ad.state = kernel_encrypt(s2c, ad.state);
    reply_d = kernel_s2v(reply_d, ad.state, reply_n);

    // T = plaintext xorend D. D meets the last block, or the last half and the half before it.
    size_t len = g->n_cookies * EXCHANGE_STRIDE;
    bool halved = len % 16 != 0;
    struct kernel_walk text = {s2c, block_zero(), g->text, KERNEL_TEXT_AT,
                               kernel_lead(len) - (halved ? 1 : 0)};
    kernel_walk_pair(&ask, &text);
    kernel_walk_alone(&ask);
    kernel_walk_alone(&text);

    ask.state = block_xor(ask.state, kernel_last(g->ask, g->ask_len, ask_k1));
    struct block last = kernel_last(g->text, KERNEL_TEXT_AT + len, reply_k1);
    if (halved) {
        text.state = block_xor(kernel_walk_next(&text), block_down(reply_d, 8));
        kernel_encrypt_pair(c2s, &ask.state, s2c, &text.state);
        text.state = block_xor(text.state, block_up(reply_d, 8));
    } else {
        ask.state = kernel_encrypt(c2s, ask.state);
        text.state = block_xor(text.state, reply_d);
    }
    text.state = block_xor(text.state, last);

    // The request's plaintext is empty.
    ask.state = kernel_last_empty(kernel_s2v(ask_d, ask.state, ask_n), ask_k1);
    kernel_encrypt_pair(c2s, &ask.state, s2c, &text.state);

    block_store(text.state, g->reply_seal, EXCHANGE_NONCE_LEN);
    kernel_crypt_reply(g, text.state);
    return block_equal(ask.state, block_load(g->ask_seal, EXCHANGE_NONCE_LEN));
}

static inline void kernel_take_lane(struct kernel_group *g, const struct exchange *x, unsigned slot,
                                    unsigned lane)
{
    g->lane[slot] = lane;
    g->cookie[slot] = x->cookie[lane];
    g->ask[slot] = x->ask[lane];
    g->ask_seal[slot] = x->ask_seal[lane];
    g->reply[slot] = x->reply[lane];
    g->random[slot] = x->random[lane];
}

// Fills a group with lanes of the shape of the lowest one in `left`, and takes them out of it.
static inline void kernel_gather(struct kernel_group *g, const struct exchange *x, lane_set *left)
{
    unsigned first = (unsigned)__builtin_ctzll(*left);
    g->n = 0;
    g->ask_len = x->ask_len[first];
    g->reply_len = x->reply_len[first];
    g->n_cookies = x->n_cookies[first];
    g->open_key = x->open_key[first];
    g->seal_key = x->seal_key;
    for (lane_set look = *left; look != 0 && g->n < BLOCK_LANES;) {
        unsigned lane = lane_take(&look);
        if (x->ask_len[lane] != g->ask_len || x->reply_len[lane] != g->reply_len ||
            x->n_cookies[lane] != g->n_cookies || x->open_key[lane] != g->open_key)
            continue;
        kernel_take_lane(g, x, g->n, lane);
        g->reply_seal[g->n] = x->reply_seal[lane];
        g->n++;
        *left &= ~lane_bit(lane);
    }
    for (unsigned slot = g->n; slot < BLOCK_LANES; slot++) {
        kernel_take_lane(g, x, slot, first);
        g->reply_seal[slot] = g->spare;
    }
    for (unsigned slot = 0; slot < BLOCK_LANES; slot++)
        g->text[slot] = g->reply_seal[slot];
}

// In a frame of its own, below that of kernel_run, which has it wiped.
__attribute__((noinline)) static lane_set kernel_run_groups(struct kernel_group *g,
                                                            struct exchange *x, lane_set which)
{
    lane_set proven = 0;
    while (which != 0) {
        const struct cookie_key *before = g->open_key;
        kernel_gather(g, x, &which);
        if (g->open_key != before) {
            block_share(&g->open_mac, g->open_key->mac_schedule[0]);
            block_share(&g->open_ctr, g->open_key->ctr_schedule[0]);
        }
        uint32_t genuine = kernel_open_cookies(g);
        kernel_expand_clients(g);
        kernel_seal_cookies(g);
        genuine &= kernel_check_and_seal(g);
        for (unsigned slot = 0; slot < g->n; slot++) {
            if (genuine >> slot & 1)
                proven |= lane_bit(g->lane[slot]);
            else
                bytes_wipe(g->reply_seal[slot], KERNEL_TEXT_AT + g->n_cookies * EXCHANGE_STRIDE);
        }
    }
    return proven;
}

static inline lane_set kernel_run(struct exchange *x, lane_set which)
{
    struct kernel_group g;
    memset(g.spare, 0, sizeof g.spare);
    block_share(&g.seal_mac, x->seal_key->mac_schedule[0]);
    block_share(&g.seal_ctr, x->seal_key->ctr_schedule[0]);
    g.open_key = NULL;
    lane_set proven = kernel_run_groups(&g, x, which);
    bytes_wipe(&g, sizeof g);
    kernel_wipe_frame();
    return proven;
}
