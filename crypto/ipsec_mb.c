// The exchange on Intel's ipsec-mb: a foreign implementation that can be chosen instead of ours.
// The library has CBC and CTR but not S2V, so the exchange runs in waves: all jobs of a wave are
// independent of each other, and a wave ends before the next one reads its results. None of the
// library's types leaves this file.
//
// Only the synchronous cipher burst is used: the hash burst supports CMAC only from version 2.0 on,
// and the job API costs more than twice as much. CMAC is the last block of a CBC: a message is
// copied, its last block prepared as RFC 4493 says, and encrypted in place, so that no octet after
// the caller's message is read. A single block is CTR over zeros, which avoids CBC's scheduling.
// All fields of a job are filled in each time, because newer versions change the lengths.
//
// Pure except for one manager per thread, made at the first run and never freed: cores live as long
// as their process. Its memory is on the heap, wiped after each run but not locked. RFC 5297, RFC
// 4493, RFC 8915, section 5.7.
#include "base/bytes.h"
#include "crypto/cpu.h"
#include "crypto/exchange_variants.h"
#include "crypto/siv_core.h"

#include <intel-ipsec-mb.h>
#include <stdlib.h>

enum {
    TEXT_AT = EXCHANGE_NONCE_LEN + EXCHANGE_TAG_LEN,
    SCHEDULE_LEN = 11 * 16,
    MESSAGE_ROOM = 1024, // more than a request for eight cookies; longer ones in parts
};
static_assert(MESSAGE_ROOM % 16 == 0 && EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE <= MESSAGE_ROOM,
              "a part of a message is whole blocks, a plaintext is one part");

// A client's key for CMAC.
struct mac_key {
    _Alignas(16) uint8_t schedule[SCHEDULE_LEN];
    _Alignas(16) uint8_t subkey1[16];
    _Alignas(16) uint8_t subkey2[16];
};

// A message while CMAC is computed.
struct message {
    uint8_t chain[16]; // over the previous parts
    uint8_t *mac;      // the place of the result
    size_t len;        // octets in text
    uint8_t text[MESSAGE_ROOM];
};

// S2V's components of one block each: a prepared block, and the results.
struct components {
    uint8_t block[16], zero[16], nonce[16];
};

struct cookie_work {
    uint8_t block[16], nonce[16], text[COOKIE_KEYS_LEN], counter[16];
};

// The state of one lane between the waves.
struct work {
    struct mac_key c2s, s2c;
    _Alignas(16) uint8_t s2c_ctr[SCHEDULE_LEN];
    struct components request, reply;
    uint8_t keys[COOKIE_KEYS_LEN]; // C2S | S2C
    uint8_t tag[16], counter[16];
    struct cookie_work
        cookie[1 + EXCHANGE_COOKIES_MAX]; // the request's own cookie, then the fresh ones
    struct message request_message, reply_message;
};

struct engine {
    IMB_MGR *manager;
    bool sound; // every job so far has been completed
    IMB_CIPHER_MODE mode;
    unsigned n_jobs; // jobs of that mode that are still to be done
    IMB_JOB job[IMB_MAX_BURST_SIZE];
    struct work work[LANES];
};

static _Thread_local struct engine *engine_of_thread;

static struct engine *engine(void)
{
    if (engine_of_thread != NULL)
        return engine_of_thread;
    struct engine *e = aligned_alloc(64, (sizeof *e + 63) / 64 * 64);
    if (e == NULL)
        return NULL;
    memset(e, 0, sizeof *e);
    e->manager = alloc_mb_mgr(0);
    if (e->manager == NULL) {
        free(e);
        return NULL;
    }
    init_mb_mgr_auto(e->manager, NULL);
    return engine_of_thread = e;
}

// Runs the jobs of a wave.
static void finish(struct engine *e)
{
    if (e->n_jobs > 0 &&
        IMB_SUBMIT_CIPHER_BURST_NOCHECK(e->manager, e->job, e->n_jobs, e->mode, IMB_DIR_ENCRYPT,
                                        IMB_KEY_128_BYTES) != e->n_jobs)
        e->sound = false;
    e->n_jobs = 0;
}

// Adds a job to this wave. All memory that it points to must stay unchanged until the end of the
// wave.
static void add_job(struct engine *e, IMB_CIPHER_MODE mode, const uint8_t *schedule,
                    const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out)
{
    if (e->n_jobs == IMB_MAX_BURST_SIZE || e->mode != mode)
        finish(e);
    e->mode = mode;
    IMB_JOB *job = &e->job[e->n_jobs++];
    job->cipher_mode = mode;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_CIPHER_HASH;
    job->hash_alg = IMB_AUTH_NULL;
    job->enc_keys = job->dec_keys = schedule;
    job->key_len_in_bytes = IMB_KEY_128_BYTES;
    job->iv = iv;
    job->iv_len_in_bytes = 16;
    job->src = in;
    job->dst = out;
    job->cipher_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = len;
}

// Encrypts one block. All memory of the job must stay unchanged until the end of the wave.
static void encrypt(struct engine *e, const uint8_t *schedule, const uint8_t block[16],
                    uint8_t out[16])
{
    static const uint8_t zero[16];
    add_job(e, IMB_CIPHER_CNTR, schedule, block, zero, 16, out);
}

// CMAC of one block, which is prepared in `block`.
static void cmac_block(struct engine *e, const uint8_t *schedule, const uint8_t subkey1[16],
                       const uint8_t in[16], uint8_t block[16], uint8_t out[16])
{
    memcpy(block, in, 16);
    bytes_xor16(block, subkey1);
    encrypt(e, schedule, block, out);
}

// Takes a message: runs all but its last part through the chain; cmac_end does the rest.
static void cmac_start(struct engine *e, const struct mac_key *key, const uint8_t *in, size_t len,
                       struct message *m)
{
    memset(m->chain, 0, sizeof m->chain);
    for (; len > MESSAGE_ROOM; in += MESSAGE_ROOM, len -= MESSAGE_ROOM) {
        add_job(e, IMB_CIPHER_CBC, key->schedule, m->chain, in, MESSAGE_ROOM, m->text);
        finish(e);
        memcpy(m->chain, m->text + MESSAGE_ROOM - 16, 16);
    }
    memcpy(m->text, in, len);
    m->len = len;
}

// RFC 4493, section 2.4.
static void cmac_end(struct engine *e, const struct mac_key *key, struct message *m)
{
    size_t rest = m->len % 16;
    if (rest > 0) {
        memset(m->text + m->len, 0, 16 - rest);
        m->text[m->len] = 0x80;
        m->len += 16 - rest;
    }
    m->mac = m->text + m->len - 16;
    bytes_xor16(m->mac, rest > 0 ? key->subkey2 : key->subkey1);
    add_job(e, IMB_CIPHER_CBC, key->schedule, m->chain, m->text, m->len, m->text);
}

// CTR from a tag; counter must stay unchanged until the end of the wave. RFC 5297, section 2.6.
static void ctr(struct engine *e, const uint8_t *schedule, const uint8_t tag[16],
                uint8_t counter[16], const uint8_t *in, size_t len, uint8_t *out)
{
    memcpy(counter, tag, 16);
    counter[8] &= 0x7f;
    counter[12] &= 0x7f;
    add_job(e, IMB_CIPHER_CNTR, schedule, counter, in, len, out);
}

// S2V over the components before the last one: returns D, in c->zero.
static uint8_t *s2v(struct components *c, const struct message *ad)
{
    siv_core_dbl(c->zero, c->zero);
    bytes_xor16(c->zero, ad->mac);
    siv_core_dbl(c->zero, c->zero);
    bytes_xor16(c->zero, c->nonce);
    return c->zero;
}

// The tag of these keys will be the last block of c->text.
static void cookie_tag(struct engine *e, const struct cookie_key *key, struct cookie_work *c,
                       const uint8_t keys[COOKIE_KEYS_LEN])
{
    static const uint8_t start[16];
    uint8_t *last = c->text + COOKIE_KEYS_LEN - 16;
    memcpy(c->text, keys, COOKIE_KEYS_LEN);
    bytes_xor16(last, c->nonce);
    bytes_xor16(last, key->s2v_prefix);
    bytes_xor16(last, key->subkey1);
    add_job(e, IMB_CIPHER_CBC, key->mac_schedule[0], start, c->text, COOKIE_KEYS_LEN, c->text);
}

// Opens the cookies into the lanes' keys, and begins with the fresh ones; returns the genuine
// lanes.
static lane_set open_cookies(struct engine *e, const struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        const uint8_t *cookie = x->cookie[l];
        ctr(e, x->open_key[l]->ctr_schedule[0], cookie + COOKIE_TAG_AT, w->counter,
            cookie + COOKIE_KEYS_AT, COOKIE_KEYS_LEN, w->keys);
        for (unsigned c = 0; c <= x->shape[l].n_cookies; c++) {
            const struct cookie_key *key = c == 0 ? x->open_key[l] : x->seal_key;
            cmac_block(e, key->mac_schedule[0], key->subkey1,
                       c == 0 ? cookie + COOKIE_NONCE_AT : x->random[l] + 16 * c,
                       w->cookie[c].block, w->cookie[c].nonce);
        }
    }
    finish(e);
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        cookie_tag(e, x->open_key[l], &e->work[l].cookie[0], e->work[l].keys);
    }
    finish(e);
    lane_set genuine = 0;
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        if (bytes_equal_ct(e->work[l].cookie[0].text + COOKIE_KEYS_LEN - 16,
                           x->cookie[l] + COOKIE_TAG_AT, COOKIE_TAG_LEN))
            genuine |= lane_bit(l);
        exchange_name_session(x->sessions, l, e->work[l].keys);
    }
    return genuine;
}

static void expand(struct engine *e, const uint8_t secret[16], uint8_t schedule[SCHEDULE_LEN])
{
    _Alignas(16) uint8_t unused[SCHEDULE_LEN]; // for decryption
    IMB_AES_KEYEXP_128(e->manager, secret, schedule, unused);
    bytes_wipe(unused, sizeof unused);
}

static void expand_keys(struct engine *e, struct work *w)
{
    struct mac_key *c2s = &w->c2s, *s2c = &w->s2c;
    expand(e, w->keys, c2s->schedule);
    expand(e, w->keys + 32, s2c->schedule);
    expand(e, w->keys + 48, w->s2c_ctr);
    IMB_AES_CMAC_SUBKEY_GEN_128(e->manager, c2s->schedule, c2s->subkey1, c2s->subkey2);
    IMB_AES_CMAC_SUBKEY_GEN_128(e->manager, s2c->schedule, s2c->subkey1, s2c->subkey2);
}

// The long components of both messages and the tags of the fresh cookies. Jobs of the same length
// are added together, since the library works on many at once until the shortest ends.
static void compute_chains(struct engine *e, const struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        expand_keys(e, w);
        cmac_start(e, &w->c2s, x->request[l], x->shape[l].request_len, &w->request_message);
        cmac_end(e, &w->c2s, &w->request_message);
    }
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        cmac_start(e, &w->s2c, x->reply[l], x->shape[l].reply_len, &w->reply_message);
        cmac_end(e, &w->s2c, &w->reply_message);
    }
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        for (unsigned c = 1; c <= x->shape[l].n_cookies; c++)
            cookie_tag(e, x->seal_key, &e->work[l].cookie[c], e->work[l].keys);
    }
    finish(e);
}

static void compute_blocks(struct engine *e, const struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        const struct mac_key *c2s = &w->c2s, *s2c = &w->s2c;
        encrypt(e, c2s->schedule, c2s->subkey1, w->request.zero); // CMAC of zeros
        cmac_block(e, c2s->schedule, c2s->subkey1, x->request_seal[l], w->request.block,
                   w->request.nonce);
        encrypt(e, s2c->schedule, s2c->subkey1, w->reply.zero);
        cmac_block(e, s2c->schedule, s2c->subkey1, x->random[l], w->reply.block, w->reply.nonce);
    }
}

// Writes the fresh cookies into the replies; also runs the jobs of compute_blocks.
static void seal_cookies(struct engine *e, struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        for (unsigned c = 1; c <= x->shape[l].n_cookies; c++) {
            uint8_t *lead = x->reply_seal[l] + TEXT_AT + (c - 1) * EXCHANGE_STRIDE;
            uint8_t *cookie = lead + EXCHANGE_LEAD;
            memcpy(lead, x->lead, EXCHANGE_LEAD);
            be32_put(cookie, x->seal_key->id);
            memcpy(cookie + COOKIE_NONCE_AT, x->random[l] + 16 * c, COOKIE_NONCE_LEN);
            memcpy(cookie + COOKIE_TAG_AT, w->cookie[c].text + COOKIE_KEYS_LEN - 16,
                   COOKIE_TAG_LEN);
            ctr(e, x->seal_key->ctr_schedule[0], cookie + COOKIE_TAG_AT, w->cookie[c].counter,
                w->keys, COOKIE_KEYS_LEN, cookie + COOKIE_KEYS_AT);
        }
    }
    finish(e);
}

// Computes the tags of both messages; returns the lanes whose request was genuine.
static lane_set compute_tags(struct engine *e, const struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        // An empty plaintext: T = dbl(D) xor pad(<empty>).
        uint8_t *t = s2v(&w->request, &w->request_message);
        siv_core_dbl(t, t);
        t[0] ^= 0x80;
        cmac_block(e, w->c2s.schedule, w->c2s.subkey1, t, w->request.block, w->tag);
    }
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        struct message *m = &w->reply_message;
        const uint8_t *d = s2v(&w->reply, m); // T = plaintext xorend D
        cmac_start(e, &w->s2c, x->reply_seal[l] + TEXT_AT,
                   (size_t)x->shape[l].n_cookies * EXCHANGE_STRIDE, m);
        bytes_xor16(m->text + m->len - 16, d);
        cmac_end(e, &w->s2c, m);
    }
    finish(e);
    lane_set genuine = 0;
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        if (bytes_equal_ct(e->work[l].tag, x->request_seal[l] + EXCHANGE_NONCE_LEN,
                           EXCHANGE_TAG_LEN))
            genuine |= lane_bit(l);
    }
    return genuine;
}

static void seal_replies(struct engine *e, struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        uint8_t *text = x->reply_seal[l] + TEXT_AT;
        memcpy(x->reply_seal[l], x->random[l], EXCHANGE_NONCE_LEN);
        memcpy(x->reply_seal[l] + EXCHANGE_NONCE_LEN, w->reply_message.mac, EXCHANGE_TAG_LEN);
        ctr(e, w->s2c_ctr, w->reply_message.mac, w->counter, text,
            (size_t)x->shape[l].n_cookies * EXCHANGE_STRIDE, text);
    }
    finish(e);
}

static lane_set ipsec_mb_run(struct exchange *x, lane_set which)
{
    struct engine *e = engine();
    if (e == NULL) {
        x->unopened |= which;
        return 0;
    }
    e->sound = true;
    lane_set opened = open_cookies(e, x, which);
    x->unopened |= which & ~opened;
    compute_chains(e, x, opened);
    compute_blocks(e, x, opened);
    seal_cookies(e, x, opened);
    lane_set proven = compute_tags(e, x, opened);
    seal_replies(e, x, proven);
    // After the library has refused a job, no result can be trusted.
    if (!e->sound)
        proven = 0;
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        bytes_wipe(&e->work[l], sizeof e->work[l]);
        if (!(proven & lane_bit(l)))
            bytes_wipe(x->reply_seal[l], TEXT_AT + (size_t)x->shape[l].n_cookies * EXCHANGE_STRIDE);
    }
    return proven;
}

const struct exchange_variant exchange_ipsec_mb = {
    .name = "ipsec-mb",
    .usable = cpu_has_aesni,
    .run = ipsec_mb_run,
};
