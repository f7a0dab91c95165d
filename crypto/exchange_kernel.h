// The exchange over lanes, written once over the vocabulary that the includer has chosen
// (lanes_*.h). Lanes of one shape and one cookie key advance side by side in groups of BLOCK_LANES;
// a group that is not full costs as much as a full one.
//
// The steps stand in the order in which they keep the processor busy, not in that of the RFC: where
// one waits for the step before it, the next line works on another chain (kernel_chain.h).
//
// Loops over rounds stay loops. Unrolled, the kernel has 50 KB, which no instruction cache holds,
// and is slower by a third. The kernel wipes its frame, because compilers spill keys into it.
// Pure; any thread. RFC 5297 (S2V, CTR), RFC 4493 (CMAC), RFC 8915, section 5.7.
#pragma once

#include "base/bytes.h"
#include "crypto/exchange.h"
#include "crypto/hot_inline.h"
#include "crypto/kernel_chain.h"
#include "crypto/kernel_group.h"
#include "crypto/kernel_text.h"

// Beneath S2V of a request or a reply: CMAC's subkey, CMAC of <zero>, of the nonce, and the chain
// over the associated data.
struct kernel_siv {
    struct block subkey1, zero, nonce;
    struct kernel_walk ad;
};

// The cookies' half of what is under way.
struct kernel_fresh {
    struct block base; // S2V and CMAC of the keys under the seal key, all but a cookie's nonce
    struct block tag;  // of the first new cookie
};

// CMAC's last block over the keys under a cookie key, from the chain over those before, all but the
// nonce's part.
hot_inline struct block kernel_cookie_base(const struct kernel_group *g,
                                           const struct cookie_key *key, struct block chain)
{
    struct block b = block_xor(chain, g->keys[KERNEL_KEY_BLOCKS - 1]);
    b = block_xor(b, block_broadcast(key->subkey1));
    return block_xor(b, block_broadcast(key->s2v_prefix));
}

// The keys' chain under the key that seals, when another one opened.
hot_inline struct block kernel_chain_keys(const struct kernel_group *g)
{
    struct block chain = block_zero();
    for (unsigned i = 0; i < KERNEL_KEY_BLOCKS - 1; i++)
        chain = kernel_encrypt(kernel_shared(&g->seal_mac), block_xor(chain, g->keys[i]));
    return chain;
}

// xors the keystream of a cookie's tag into two blocks of its keys, from block `at` on, in lockstep
// with another encryption. RFC 5297, section 2.6.
hot_inline void kernel_crypt_two(struct block *keys, unsigned at, struct block tag,
                                 struct kernel_key ctr, struct kernel_key key, struct block *beside)
{
    struct block s = block_counter(tag);
    if (at == 2)
        s = block_counter_next(block_counter_next(s));
    struct block t = block_counter_next(s);
    kernel_encrypt_three(ctr, &s, ctr, &t, key, beside);
    keys[at] = block_xor(keys[at], s);
    keys[at + 1] = block_xor(keys[at + 1], t);
}

// Opens the cookies; the bits of those that are genuine. RFC 5297, section 2.7. Beside it: the
// clients' three schedules (C2S's CTR half is not needed, since the request has no ciphertext), the
// tag of the first new cookie, and the beginning of the request's S2V.
hot_inline uint32_t kernel_open_cookies(struct kernel_group *g, struct kernel_siv *ask,
                                        struct kernel_fresh *fresh)
{
    const struct kernel_key open_mac = kernel_shared(&g->open_mac);
    const struct kernel_key open_ctr = kernel_shared(&g->open_ctr);
    const struct kernel_key seal_mac = kernel_shared(&g->seal_mac);
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);

    // The keystream over C2S | S2C; both nonces, S2V's second component.
    const struct block tag = block_load(g->cookie, COOKIE_TAG_AT);
    struct block old_nonce = block_load(g->cookie, COOKIE_NONCE_AT);
    struct block new_nonce = block_load(g->random, EXCHANGE_NONCE_LEN);
    block_load_run(g->keys, g->cookie, COOKIE_KEYS_AT, KERNEL_KEY_BLOCKS);
    old_nonce = block_xor(old_nonce, block_broadcast(g->open_key->subkey1));
    new_nonce = block_xor(new_nonce, block_broadcast(g->seal_key->subkey1));
    kernel_crypt_two(g->keys, 0, tag, open_ctr, open_mac, &old_nonce);
    kernel_crypt_two(g->keys, 2, tag, open_ctr, seal_mac, &new_nonce);

    // CMAC over the keys; CMAC's subkey and CMAC of <zero> under C2S.
    struct block chain = kernel_expand_three(&g->c2s_mac, g->keys[0], &g->s2c_mac, g->keys[2],
                                             &g->s2c_ctr, g->keys[3], open_mac, g->keys[0]);
    ask->ad = kernel_walk_start(g->ask, g->shape.ask_len, g->ask_in, &g->ask_cmac);
    ask->subkey1 = block_zero();
    chain = block_xor(chain, g->keys[1]);
    struct block ad = kernel_walk_in(&ask->ad);
    kernel_encrypt_three(open_mac, &chain, c2s, &ask->subkey1, c2s, &ad);
    kernel_walk_out_first(&ask->ad, ad);
    ask->subkey1 = block_dbl(ask->subkey1);
    g->ask_in[(g->shape.ask_len - 1) / 16] = kernel_last(g->ask, g->shape.ask_len, ask->subkey1);
    ask->zero = ask->subkey1;
    chain = block_xor(chain, g->keys[2]);
    ad = kernel_walk_in(&ask->ad);
    kernel_encrypt_three(open_mac, &chain, c2s, &ask->zero, c2s, &ad);
    kernel_walk_out(&ask->ad, ad);

    // The tags of the old cookie and of the first new one: all cookies of a lane hold the same
    // keys, so that they share the chain up to the last block.
    struct block opened = kernel_cookie_base(g, g->open_key, block_xor(chain, old_nonce));
    if (g->seal_key != g->open_key)
        chain = kernel_chain_keys(g);
    fresh->base = kernel_cookie_base(g, g->seal_key, chain);
    fresh->tag = block_xor(fresh->base, new_nonce);
    ask->nonce = block_xor(block_load(g->ask_seal, 0), ask->subkey1);
    kernel_encrypt_three(open_mac, &opened, seal_mac, &fresh->tag, c2s, &ask->nonce);
    return block_equal(opened, tag);
}

// Seals new cookies into the plaintext, beside the chains over the request and over the plaintext
// so far, which is the value.
hot_inline struct kernel_walk kernel_seal_cookies(struct kernel_group *g, struct kernel_siv *ask,
                                                  const struct kernel_fresh *fresh)
{
    const struct kernel_key seal_mac = kernel_shared(&g->seal_mac);
    const struct kernel_key seal_ctr = kernel_shared(&g->seal_ctr);
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);
    const struct kernel_key s2c = kernel_own(&g->s2c_mac);
    struct kernel_walk walk = {.next = g->text, .state = block_zero(), .cmac = &g->text_cmac};
    struct kernel_text text = {.next = g->text, .before = block_zero()};
    struct block tag = fresh->tag;
    for (unsigned c = 0;;) {
        struct block sealed[KERNEL_KEY_BLOCKS] = {g->keys[0], g->keys[1], g->keys[2], g->keys[3]};
        kernel_text_begin(&text, block_broadcast(g->head));
        kernel_text_put(&text, block_load(g->random, EXCHANGE_NONCE_LEN + 16 * c));
        kernel_text_put(&text, tag);
        struct block ad = kernel_walk_in(&ask->ad);
        kernel_crypt_two(sealed, 0, tag, seal_ctr, c2s, &ad);
        kernel_walk_out(&ask->ad, ad);
        kernel_text_put(&text, sealed[0]);
        kernel_text_put(&text, sealed[1]);
        if (c == 0) {
            ad = kernel_walk_in(&ask->ad);
            kernel_crypt_two(sealed, 2, tag, seal_ctr, c2s, &ad);
            kernel_walk_out(&ask->ad, ad);
        } else { // so that both chains end together
            struct block t = kernel_walk_in(&walk);
            kernel_crypt_two(sealed, 2, tag, seal_ctr, s2c, &t);
            kernel_walk_out(&walk, t);
        }
        kernel_text_put(&text, sealed[2]);
        kernel_text_put(&text, sealed[3]);
        if (++c == g->shape.n_cookies)
            break;

        walk.left = (unsigned)(text.next - walk.next);
        struct block nonce = block_load(g->random, EXCHANGE_NONCE_LEN + 16 * c);
        nonce = block_xor(nonce, block_broadcast(g->seal_key->subkey1));
        ad = kernel_walk_in(&ask->ad);
        struct block t = kernel_walk_in(&walk);
        kernel_encrypt_three(seal_mac, &nonce, c2s, &ad, s2c, &t);
        kernel_walk_out(&ask->ad, ad);
        kernel_walk_out(&walk, t);
        tag = block_xor(fresh->base, nonce);
        ad = kernel_walk_in(&ask->ad);
        t = kernel_walk_in(&walk);
        kernel_encrypt_three(seal_mac, &tag, c2s, &ad, s2c, &t);
        kernel_walk_out(&ask->ad, ad);
        kernel_walk_out(&walk, t);
    }
    kernel_text_end(&text);
    return walk;
}

// The beginning of the reply's S2V, beside the chain over the request.
hot_inline void kernel_start_reply(struct kernel_group *g, struct kernel_siv *ask,
                                   struct kernel_siv *reply)
{
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);
    const struct kernel_key s2c = kernel_own(&g->s2c_mac);
    reply->ad = kernel_walk_start(g->reply, g->shape.reply_len, g->reply_in, &g->reply_cmac);
    reply->subkey1 = block_zero();
    struct block ad = kernel_walk_in(&reply->ad);
    struct block ask_ad = kernel_walk_in(&ask->ad);
    kernel_encrypt_three(c2s, &ask_ad, s2c, &reply->subkey1, s2c, &ad);
    kernel_walk_out_first(&reply->ad, ad);
    kernel_walk_out(&ask->ad, ask_ad);

    reply->subkey1 = block_dbl(reply->subkey1);
    g->reply_in[(g->shape.reply_len - 1) / 16] =
        kernel_last(g->reply, g->shape.reply_len, reply->subkey1);
    reply->zero = reply->subkey1;
    ad = kernel_walk_in(&reply->ad);
    ask_ad = kernel_walk_in(&ask->ad);
    kernel_encrypt_three(c2s, &ask_ad, s2c, &reply->zero, s2c, &ad);
    kernel_walk_out(&reply->ad, ad);
    kernel_walk_out(&ask->ad, ask_ad);

    const struct block nonce = block_load(g->random, 0);
    block_store(nonce, g->reply_seal, 0);
    reply->nonce = block_xor(nonce, reply->subkey1);
    ad = kernel_walk_in(&reply->ad);
    ask_ad = kernel_walk_in(&ask->ad);
    kernel_encrypt_three(c2s, &ask_ad, s2c, &reply->nonce, s2c, &ad);
    kernel_walk_out(&reply->ad, ad);
    kernel_walk_out(&ask->ad, ask_ad);
}

// Ends the chains over the associated data, and takes that over the plaintext up to its end.
hot_inline void kernel_walk_all(struct kernel_group *g, struct kernel_walk *ask,
                                struct kernel_walk *reply, struct kernel_walk *text)
{
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);
    const struct kernel_key s2c = kernel_own(&g->s2c_mac);
    while (reply->left > 0) {
        struct block a = kernel_walk_in(ask);
        struct block r = kernel_walk_in(reply);
        struct block t = kernel_walk_in(text);
        kernel_encrypt_three(c2s, &a, s2c, &t, s2c, &r);
        kernel_walk_out(ask, a);
        kernel_walk_out(reply, r);
        kernel_walk_out(text, t);
    }
    while (ask->left > 0 || text->left > 0) {
        struct block a = kernel_walk_in(ask);
        struct block t = kernel_walk_in(text);
        kernel_encrypt_two(s2c, &t, c2s, &a);
        kernel_walk_out(ask, a);
        kernel_walk_out(text, t);
    }
}

// Ends all chains and seals the reply; the bits of the lanes whose request is genuine. RFC 8915,
// section 5.7.
hot_inline uint32_t kernel_check_and_seal(struct kernel_group *g, struct kernel_siv *ask,
                                          struct kernel_siv *reply, struct kernel_walk *walk)
{
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);
    const struct kernel_key s2c = kernel_own(&g->s2c_mac);
    unsigned len = g->shape.n_cookies * EXCHANGE_STRIDE;
    const struct block *last = g->text + len / 16 - 1; // the first block that meets S2V's D
    walk->left = (unsigned)(last - walk->next);
    kernel_walk_all(g, &ask->ad, &reply->ad, walk);
    struct block d = kernel_s2v(reply->zero, g->reply_cmac, reply->nonce);

    // The request's plaintext is empty.
    struct block checked = kernel_s2v(ask->zero, g->ask_cmac, ask->nonce);
    checked = kernel_last_empty(checked, ask->subkey1);

    // T = plaintext xorend D. D meets the last block, or the last half and the half before it.
    struct block text = block_xor(g->text_cmac, *last);
    if (len % 16 != 0) {
        text = block_xor(text, block_down(d, 8));
        kernel_encrypt_two(s2c, &text, c2s, &checked);
        d = block_xor(block_up(d, 8), block_dbl(reply->subkey1));
        text = kernel_encrypt(s2c, block_xor(block_xor(text, last[1]), d));
    } else {
        text = block_xor(text, block_xor(d, reply->subkey1));
        kernel_encrypt_two(s2c, &text, c2s, &checked);
    }
    block_store(text, g->reply_seal, EXCHANGE_NONCE_LEN);
    block_crypt(g->s2c_ctr.round, block_counter(text), g->text, len, g->reply_seal, KERNEL_TEXT_AT);
    return block_equal(checked, block_load(g->ask_seal, EXCHANGE_NONCE_LEN));
}

// In a frame of its own, below that of kernel_run, which has it wiped.
__attribute__((noinline)) static lane_set
kernel_run_groups(struct kernel_group *g, struct exchange *x, lane_set which,
                  lane_set (*few)(struct exchange *x, lane_set which))
{
    lane_set proven = 0;
    while (which != 0) {
        const struct cookie_key *before = g->open_key;
        kernel_gather(g, x, &which);
        if (g->open_key != before) {
            block_share(&g->open_mac, g->open_key->mac_schedule[0]);
            block_share(&g->open_ctr, g->open_key->ctr_schedule[0]);
        }
        if (few != NULL && g->n <= BLOCK_FEW) {
            proven |= few(x, g->lanes);
            continue;
        }
        kernel_note_text(g);
        struct kernel_siv ask, reply;
        struct kernel_fresh fresh;
        const uint32_t opened = kernel_open_cookies(g, &ask, &fresh);
        struct kernel_walk text = kernel_seal_cookies(g, &ask, &fresh);
        kernel_start_reply(g, &ask, &reply);
        const uint32_t genuine = opened & kernel_check_and_seal(g, &ask, &reply, &text);
        // CMAC's subkeys stood in there.
        g->ask_in[(g->shape.ask_len - 1) / 16] = block_zero();
        g->reply_in[(g->shape.reply_len - 1) / 16] = block_zero();
        const uint32_t all = (uint32_t)lane_first(g->n);
        proven |=
            (genuine & all) == all ? g->lanes : kernel_sort_out(g, opened, genuine, &x->unopened);
    }
    return proven;
}

// few: the same kernel with blocks of one vector, for groups that fit one; a batch of few lanes
// then waits for fewer instructions. NULL: there is none.
static inline lane_set kernel_run(struct exchange *x, lane_set which,
                                  lane_set (*few)(struct exchange *x, lane_set which))
{
    struct kernel_group g;
    g.seal_key = x->seal_key;
    g.open_key = NULL;
    g.n_text = 0;
    memcpy(g.head, x->lead, EXCHANGE_LEAD);
    be32_put(g.head + EXCHANGE_LEAD, x->seal_key->id);
    memcpy(g.head + 8, g.head, 8);
    block_share(&g.seal_mac, x->seal_key->mac_schedule[0]);
    block_share(&g.seal_ctr, x->seal_key->ctr_schedule[0]);
    lane_set proven = kernel_run_groups(&g, x, which, few);
    if (few != NULL && g.n_text == 0)
        return proven; // who ran the few has wiped, and here is nothing
    bytes_wipe(&g.open_mac,
               offsetof(struct kernel_group, text) - offsetof(struct kernel_group, open_mac));
    bytes_wipe(g.text, g.n_text * sizeof(struct block));
    kernel_wipe_frame();
    return proven;
}
