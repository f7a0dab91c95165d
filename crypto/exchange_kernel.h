// The exchange over lanes, written once over the vocabulary that the includer has chosen
// (lanes_*.h). Lanes of one shape and one cookie key advance side by side in groups of BLOCK_LANES;
// a partly filled group costs as much as a full one.
//
// The order of the steps keeps the processor busy; it is not the order of the RFC. Where one step
// waits for the step before it, the next line works on another chain (kernel_chain.h).
//
// Loops over rounds are not unrolled: unrolled, the kernel has 50 KB, which fits no instruction
// cache, and is a third slower. The kernel wipes its frame, because compilers spill keys into it.
// Pure; any thread. RFC 5297 (S2V, CTR), RFC 4493 (CMAC), RFC 8915, section 5.7.
#pragma once

#include "base/bytes.h"
#include "crypto/exchange.h"
#include "crypto/hot_inline.h"
#include "crypto/kernel_chain.h"
#include "crypto/kernel_group.h"
#include "crypto/kernel_text.h"

// The inputs of S2V for a request or a reply: CMAC's subkey, CMAC of <zero>, CMAC of the nonce, and
// the chain over the associated data.
struct kernel_siv {
    struct block subkey1, zero, nonce;
    struct kernel_walk ad;
};

// The state of the new cookies.
struct kernel_fresh {
    struct block base; // S2V and CMAC of the keys under the seal key, without a cookie's nonce
    struct block tag;  // of the first new cookie
};

// CMAC's last block over the keys under a cookie key, from the chain over the blocks before,
// without the nonce's part.
hot_inline struct block kernel_cookie_base(const struct kernel_group *g,
                                           const struct cookie_key *key, struct block chain)
{
    struct block b = block_xor(chain, g->keys[KERNEL_KEY_BLOCKS - 1]);
    b = block_xor(b, block_broadcast(key->subkey1));
    return block_xor(b, block_broadcast(key->s2v_prefix));
}

// The keys' chain under the seal key, when another key opened the cookie.
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

// Opens the cookies; returns the bits of the genuine ones. RFC 5297, section 2.7. In parallel: the
// clients' three schedules (C2S's CTR half is not needed, since the request has no ciphertext), the
// tag of the first new cookie, and the beginning of the request's S2V.
hot_inline uint32_t kernel_open_cookies(struct kernel_group *g, struct kernel_siv *request,
                                        struct kernel_fresh *fresh)
{
    const struct kernel_key open_mac = kernel_shared(&g->open_mac);
    const struct kernel_key open_ctr = kernel_shared(&g->open_ctr);
    const struct kernel_key seal_mac = kernel_shared(&g->seal_mac);
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);

    // The keystream over C2S | S2C; both nonces, which are S2V's second component.
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
    request->ad =
        kernel_walk_start(g->request, g->shape.request_len, g->request_in, &g->request_cmac);
    request->subkey1 = block_zero();
    chain = block_xor(chain, g->keys[1]);
    struct block ad = kernel_walk_in(&request->ad);
    kernel_encrypt_three(open_mac, &chain, c2s, &request->subkey1, c2s, &ad);
    kernel_walk_out_first(&request->ad, ad);
    request->subkey1 = block_dbl(request->subkey1);
    g->request_in[(g->shape.request_len - 1) / 16] =
        kernel_last(g->request, g->shape.request_len, request->subkey1);
    request->zero = request->subkey1;
    chain = block_xor(chain, g->keys[2]);
    ad = kernel_walk_in(&request->ad);
    kernel_encrypt_three(open_mac, &chain, c2s, &request->zero, c2s, &ad);
    kernel_walk_out(&request->ad, ad);

    // The tags of the old cookie and of the first new one: all cookies of a lane contain the same
    // keys, so they share the chain up to the last block.
    struct block opened = kernel_cookie_base(g, g->open_key, block_xor(chain, old_nonce));
    if (g->seal_key != g->open_key)
        chain = kernel_chain_keys(g);
    fresh->base = kernel_cookie_base(g, g->seal_key, chain);
    fresh->tag = block_xor(fresh->base, new_nonce);
    request->nonce = block_xor(block_load(g->request_seal, 0), request->subkey1);
    kernel_encrypt_three(open_mac, &opened, seal_mac, &fresh->tag, c2s, &request->nonce);
    return block_equal(opened, tag);
}

// Seals new cookies into the plaintext, in parallel with the chain over the request and the chain
// over the plaintext so far. Returns the latter.
hot_inline struct kernel_walk kernel_seal_cookies(struct kernel_group *g,
                                                  struct kernel_siv *request,
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
        struct block ad = kernel_walk_in(&request->ad);
        kernel_crypt_two(sealed, 0, tag, seal_ctr, c2s, &ad);
        kernel_walk_out(&request->ad, ad);
        kernel_text_put(&text, sealed[0]);
        kernel_text_put(&text, sealed[1]);
        if (c == 0) {
            ad = kernel_walk_in(&request->ad);
            kernel_crypt_two(sealed, 2, tag, seal_ctr, c2s, &ad);
            kernel_walk_out(&request->ad, ad);
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
        ad = kernel_walk_in(&request->ad);
        struct block t = kernel_walk_in(&walk);
        kernel_encrypt_three(seal_mac, &nonce, c2s, &ad, s2c, &t);
        kernel_walk_out(&request->ad, ad);
        kernel_walk_out(&walk, t);
        tag = block_xor(fresh->base, nonce);
        ad = kernel_walk_in(&request->ad);
        t = kernel_walk_in(&walk);
        kernel_encrypt_three(seal_mac, &tag, c2s, &ad, s2c, &t);
        kernel_walk_out(&request->ad, ad);
        kernel_walk_out(&walk, t);
    }
    kernel_text_end(&text);
    return walk;
}

// The beginning of the reply's S2V, in parallel with the chain over the request.
hot_inline void kernel_start_reply(struct kernel_group *g, struct kernel_siv *request,
                                   struct kernel_siv *reply)
{
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);
    const struct kernel_key s2c = kernel_own(&g->s2c_mac);
    reply->ad = kernel_walk_start(g->reply, g->shape.reply_len, g->reply_in, &g->reply_cmac);
    reply->subkey1 = block_zero();
    struct block ad = kernel_walk_in(&reply->ad);
    struct block request_ad = kernel_walk_in(&request->ad);
    kernel_encrypt_three(c2s, &request_ad, s2c, &reply->subkey1, s2c, &ad);
    kernel_walk_out_first(&reply->ad, ad);
    kernel_walk_out(&request->ad, request_ad);

    reply->subkey1 = block_dbl(reply->subkey1);
    g->reply_in[(g->shape.reply_len - 1) / 16] =
        kernel_last(g->reply, g->shape.reply_len, reply->subkey1);
    reply->zero = reply->subkey1;
    ad = kernel_walk_in(&reply->ad);
    request_ad = kernel_walk_in(&request->ad);
    kernel_encrypt_three(c2s, &request_ad, s2c, &reply->zero, s2c, &ad);
    kernel_walk_out(&reply->ad, ad);
    kernel_walk_out(&request->ad, request_ad);

    const struct block nonce = block_load(g->random, 0);
    block_store(nonce, g->reply_seal, 0);
    reply->nonce = block_xor(nonce, reply->subkey1);
    ad = kernel_walk_in(&reply->ad);
    request_ad = kernel_walk_in(&request->ad);
    kernel_encrypt_three(c2s, &request_ad, s2c, &reply->nonce, s2c, &ad);
    kernel_walk_out(&reply->ad, ad);
    kernel_walk_out(&request->ad, request_ad);
}

// Completes the chains over the associated data, and continues the one over the plaintext to its
// end.
hot_inline void kernel_walk_all(struct kernel_group *g, struct kernel_walk *request,
                                struct kernel_walk *reply, struct kernel_walk *text)
{
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);
    const struct kernel_key s2c = kernel_own(&g->s2c_mac);
    while (reply->left > 0) {
        struct block a = kernel_walk_in(request);
        struct block r = kernel_walk_in(reply);
        struct block t = kernel_walk_in(text);
        kernel_encrypt_three(c2s, &a, s2c, &t, s2c, &r);
        kernel_walk_out(request, a);
        kernel_walk_out(reply, r);
        kernel_walk_out(text, t);
    }
    while (request->left > 0 || text->left > 0) {
        struct block a = kernel_walk_in(request);
        struct block t = kernel_walk_in(text);
        kernel_encrypt_two(s2c, &t, c2s, &a);
        kernel_walk_out(request, a);
        kernel_walk_out(text, t);
    }
}

// Completes all chains and seals the reply; returns the bits of the lanes whose request is genuine.
// RFC 8915, section 5.7.
hot_inline uint32_t kernel_check_and_seal(struct kernel_group *g, struct kernel_siv *request,
                                          struct kernel_siv *reply, struct kernel_walk *walk)
{
    const struct kernel_key c2s = kernel_own(&g->c2s_mac);
    const struct kernel_key s2c = kernel_own(&g->s2c_mac);
    unsigned len = g->shape.n_cookies * EXCHANGE_STRIDE;
    const struct block *last = g->text + len / 16 - 1; // the first block that S2V's D is xored to
    walk->left = (unsigned)(last - walk->next);
    kernel_walk_all(g, &request->ad, &reply->ad, walk);
    struct block d = kernel_s2v(reply->zero, g->reply_cmac, reply->nonce);

    // The request's plaintext is empty.
    struct block checked = kernel_s2v(request->zero, g->request_cmac, request->nonce);
    checked = kernel_last_empty(checked, request->subkey1);

    // T = plaintext xorend D. D is xored to the last block, or to the last half block and the half
    // before it.
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
    return block_equal(checked, block_load(g->request_seal, EXCHANGE_NONCE_LEN));
}

// Tells to which session each lane of the group belongs.
__attribute__((noinline)) static void kernel_name_sessions(struct kernel_group *g,
                                                           struct exchange_sessions *sessions)
{
    uint8_t *at[BLOCK_LANES];
    lane_set lanes = g->lanes;
    for (unsigned slot = 0; slot < BLOCK_LANES; slot++)
        at[slot] = slot < g->n ? sessions->name[lane_take(&lanes)] : g->spare;
    block_store(block_xor(g->keys[0], block_broadcast(sessions->veil)), at, 0);
}

// In a frame of its own, below that of kernel_run, which then wipes it.
__attribute__((noinline)) static lane_set
kernel_run_groups(struct kernel_group *g, struct exchange *x, lane_set which,
                  lane_set (*few)(struct exchange *x, lane_set which))
{
    lane_set proven = 0;
    while (which != 0) {
        const struct cookie_key *before = g->open_key;
        kernel_fill_group(g, x, &which);
        if (g->open_key != before) {
            block_share(&g->open_mac, g->open_key->mac_schedule[0]);
            block_share(&g->open_ctr, g->open_key->ctr_schedule[0]);
        }
        if (few != NULL && g->n <= BLOCK_FEW) {
            proven |= few(x, g->lanes);
            continue;
        }
        kernel_note_text(g);
        struct kernel_siv request, reply;
        struct kernel_fresh fresh;
        const uint32_t opened = kernel_open_cookies(g, &request, &fresh);
        if (x->sessions != NULL)
            kernel_name_sessions(g, x->sessions);
        struct kernel_walk text = kernel_seal_cookies(g, &request, &fresh);
        kernel_start_reply(g, &request, &reply);
        const uint32_t genuine = opened & kernel_check_and_seal(g, &request, &reply, &text);
        // CMAC's subkeys were in there.
        g->request_in[(g->shape.request_len - 1) / 16] = block_zero();
        g->reply_in[(g->shape.reply_len - 1) / 16] = block_zero();
        const uint32_t all = (uint32_t)lane_first(g->n);
        proven |=
            (genuine & all) == all ? g->lanes : kernel_sort_out(g, opened, genuine, &x->unopened);
    }
    return proven;
}

// few: the same kernel with blocks of one vector, for groups that fit into one; a batch of few
// lanes then runs fewer instructions. NULL: there is none.
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
        return proven; // few has wiped its own state, and this frame has no secrets
    bytes_wipe(&g.open_mac,
               offsetof(struct kernel_group, text) - offsetof(struct kernel_group, open_mac));
    bytes_wipe(g.text, g.n_text * sizeof(struct block));
    kernel_wipe_frame();
    return proven;
}
