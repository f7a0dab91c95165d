// The exchange on Intel's ipsec-mb: a foreign implementation that can be chosen in place of ours.
// The library knows CMAC and CTR but not S2V, so the exchange goes in waves: all jobs of a wave are
// independent of each other, each wave is flushed before the next reads its results. Nothing of the
// library's types leaves this file.
//
// The job API is used throughout: the bursts of version 1.3 refuse CMAC, and its asynchronous burst
// returns wrong results when its ring wraps undrained. Jobs are filled from scratch each time,
// since newer versions change the lengths in place. Its CMAC for AVX-512 reads a message's last
// block as a whole, up to 15 octets behind the end: a message of the caller's with a part of a
// block at its end goes in two jobs, the second over a block of our own.
//
// Pure but for one manager a thread, made at the first run and kept until the thread ends.
// RFC 5297, RFC 4493, RFC 8915, section 5.7.
#include "crypto/bytes.h"
#include "crypto/cpu.h"
#include "crypto/exchange_variants.h"

#include <intel-ipsec-mb.h>
#include <stdlib.h>

enum {
    TEXT_AT = EXCHANGE_NONCE_LEN + EXCHANGE_TAG_LEN,
    TEXT_MAX = EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE,
    NONCE_AT = COOKIE_ID_LEN,
    TAG_AT = NONCE_AT + COOKIE_NONCE_LEN,
    KEYS_AT = TAG_AT + COOKIE_TAG_LEN,
    SCHEDULE_LEN = 11 * 16,
};

// A client's key for CMAC.
struct mac_key {
    _Alignas(16) uint8_t schedule[SCHEDULE_LEN];
    _Alignas(16) uint8_t subkey1[16];
    _Alignas(16) uint8_t subkey2[16];
};

// The results of S2V's components.
struct components {
    uint8_t zero[16], ad[16], nonce[16];
    uint8_t ad_last[16]; // the padded end of the associated data, over the chain before it
};

// What one lane holds between the waves.
struct work {
    struct mac_key c2s, s2c;
    _Alignas(16) uint8_t s2c_ctr[SCHEDULE_LEN];
    struct components ask, reply;
    uint8_t keys[COOKIE_KEYS_LEN]; // C2S | S2C
    uint8_t text[TEXT_MAX];        // a plaintext xorend D
    uint8_t tag[16], counter[16];
    struct {
        uint8_t nonce[16], text[COOKIE_KEYS_LEN], counter[16];
    } cookie[EXCHANGE_COOKIES_MAX];
};

struct engine {
    IMB_MGR *manager;
    bool sound; // every job so far was completed
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
    e->manager = alloc_mb_mgr(0);
    if (e->manager == NULL) {
        free(e);
        return NULL;
    }
    init_mb_mgr_auto(e->manager, NULL);
    return engine_of_thread = e;
}

static void take(struct engine *e, const IMB_JOB *done)
{
    if (done != NULL && done->status != IMB_STATUS_COMPLETED)
        e->sound = false;
}

static void submit(struct engine *e, const IMB_JOB *filled)
{
    IMB_JOB *job = IMB_GET_NEXT_JOB(e->manager);
    *job = *filled;
    const IMB_JOB *done = IMB_SUBMIT_JOB(e->manager);
    if (done == NULL && imb_get_errno(e->manager) != 0)
        e->sound = false;
    for (; done != NULL; done = IMB_GET_COMPLETED_JOB(e->manager))
        take(e, done);
}

// Ends a wave.
static void flush(struct engine *e)
{
    for (const IMB_JOB *done; (done = IMB_FLUSH_JOB(e->manager)) != NULL;)
        take(e, done);
}

static void cmac(struct engine *e, const uint8_t *schedule, const uint8_t subkey1[16],
                 const uint8_t subkey2[16], const uint8_t *in, size_t len, uint8_t out[16])
{
    submit(e, &(IMB_JOB){
                  .cipher_mode = IMB_CIPHER_NULL,
                  .cipher_direction = IMB_DIR_ENCRYPT,
                  .chain_order = IMB_ORDER_HASH_CIPHER,
                  .hash_alg = IMB_AUTH_AES_CMAC,
                  .src = in,
                  .msg_len_to_hash_in_bytes = len,
                  .auth_tag_output = out,
                  .auth_tag_output_len_in_bytes = 16,
                  .u.CMAC._key_expanded = schedule,
                  .u.CMAC._skey1 = subkey1,
                  .u.CMAC._skey2 = subkey2,
              });
}

static void cmac_client(struct engine *e, const struct mac_key *key, const uint8_t *in, size_t len,
                        uint8_t out[16])
{
    cmac(e, key->schedule, key->subkey1, key->subkey2, in, len, out);
}

// CMAC of associated data, 16 octets or more, up to its last whole block; a flush, then
// cmac_ad_end.
static void cmac_ad(struct engine *e, const struct mac_key *key, const uint8_t *in, size_t len,
                    struct components *c)
{
    static const _Alignas(16) uint8_t none[16];
    if (len % 16 == 0)
        cmac_client(e, key, in, len, c->ad);
    else
        cmac(e, key->schedule, none, none, in, len - len % 16, c->ad_last);
}

// The rest of it, if there is one: the padded end goes as a whole block under the other subkey.
static void cmac_ad_end(struct engine *e, const struct mac_key *key, const uint8_t *in, size_t len,
                        struct components *c)
{
    size_t rest = len % 16;
    if (rest == 0)
        return;
    for (size_t i = 0; i < rest; i++)
        c->ad_last[i] ^= in[len - rest + i];
    c->ad_last[rest] ^= 0x80;
    cmac(e, key->schedule, key->subkey2, key->subkey2, c->ad_last, 16, c->ad);
}

static void cmac_cookie(struct engine *e, const struct cookie_key *key, const uint8_t *in,
                        size_t len, uint8_t out[16])
{
    cmac(e, key->mac_schedule[0], key->subkey1, key->subkey2, in, len, out);
}

// CTR from a tag; the counter's memory must stand until the flush. RFC 5297, section 2.6.
static void ctr(struct engine *e, const uint8_t *schedule, const uint8_t tag[16],
                uint8_t counter[16], const uint8_t *in, size_t len, uint8_t *out)
{
    memcpy(counter, tag, 16);
    counter[8] &= 0x7f;
    counter[12] &= 0x7f;
    submit(e, &(IMB_JOB){
                  .cipher_mode = IMB_CIPHER_CNTR,
                  .cipher_direction = IMB_DIR_ENCRYPT,
                  .chain_order = IMB_ORDER_CIPHER_HASH,
                  .hash_alg = IMB_AUTH_NULL,
                  .enc_keys = schedule,
                  .dec_keys = schedule,
                  .key_len_in_bytes = 16,
                  .iv = counter,
                  .iv_len_in_bytes = 16,
                  .src = in,
                  .dst = out,
                  .msg_len_to_cipher_in_bytes = len,
              });
}

static void xor16(uint8_t to[16], const uint8_t from[16])
{
    for (unsigned i = 0; i < 16; i++)
        to[i] ^= from[i];
}

static void dbl(uint8_t x[16])
{
    uint64_t high = be64_get(x);
    uint64_t low = be64_get(x + 8);
    be64_put(x, high << 1 | low >> 63);
    be64_put(x + 8, low << 1 ^ (0x87 & (0 - (high >> 63))));
}

// S2V over the components before the last: leaves D in c->zero.
static uint8_t *s2v(struct components *c)
{
    dbl(c->zero);
    xor16(c->zero, c->ad);
    dbl(c->zero);
    xor16(c->zero, c->nonce);
    return c->zero;
}

// Opens the cookies into the lanes' keys; returns the genuine.
static lane_set open_cookies(struct engine *e, const struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        const uint8_t *cookie = x->cookie[l];
        ctr(e, x->open_key[l]->ctr_schedule[0], cookie + TAG_AT, w->counter, cookie + KEYS_AT,
            COOKIE_KEYS_LEN, w->keys);
        cmac_cookie(e, x->open_key[l], cookie + NONCE_AT, COOKIE_NONCE_LEN, w->ask.nonce);
    }
    flush(e);
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        memcpy(w->text, w->keys, COOKIE_KEYS_LEN);
        xor16(w->text + COOKIE_KEYS_LEN - 16, w->ask.nonce);
        xor16(w->text + COOKIE_KEYS_LEN - 16, x->open_key[l]->s2v_prefix);
        cmac_cookie(e, x->open_key[l], w->text, COOKIE_KEYS_LEN, w->tag);
    }
    flush(e);
    lane_set genuine = 0;
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        if (bytes_equal_ct(e->work[l].tag, x->cookie[l] + TAG_AT, COOKIE_TAG_LEN))
            genuine |= lane_bit(l);
    }
    return genuine;
}

static void expand_mac(struct engine *e, struct mac_key *key, const uint8_t secret[16])
{
    _Alignas(16) uint8_t unused[SCHEDULE_LEN];
    IMB_AES_KEYEXP_128(e->manager, secret, key->schedule, unused);
    IMB_AES_CMAC_SUBKEY_GEN_128(e->manager, key->schedule, key->subkey1, key->subkey2);
    bytes_wipe(unused, sizeof unused);
}

// The components of both messages; then checks the requests. Returns the genuine.
static lane_set check_requests(struct engine *e, const struct exchange *x, lane_set which)
{
    static const uint8_t zero[16];
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        _Alignas(16) uint8_t unused[SCHEDULE_LEN];
        expand_mac(e, &w->c2s, w->keys);
        expand_mac(e, &w->s2c, w->keys + 32);
        IMB_AES_KEYEXP_128(e->manager, w->keys + 48, w->s2c_ctr, unused);
        bytes_wipe(unused, sizeof unused);
        cmac_client(e, &w->c2s, zero, 16, w->ask.zero);
        cmac_ad(e, &w->c2s, x->ask[l], x->ask_len[l], &w->ask);
        cmac_client(e, &w->c2s, x->ask_seal[l], EXCHANGE_NONCE_LEN, w->ask.nonce);
        cmac_client(e, &w->s2c, zero, 16, w->reply.zero);
        cmac_ad(e, &w->s2c, x->reply[l], x->reply_len[l], &w->reply);
        cmac_client(e, &w->s2c, x->random[l], EXCHANGE_NONCE_LEN, w->reply.nonce);
    }
    flush(e);
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        cmac_ad_end(e, &w->c2s, x->ask[l], x->ask_len[l], &w->ask);
        cmac_ad_end(e, &w->s2c, x->reply[l], x->reply_len[l], &w->reply);
    }
    flush(e);
    for (lane_set left = which; left != 0;) {
        struct work *w = &e->work[lane_take(&left)];
        // An empty plaintext: T = dbl(D) xor pad(<empty>).
        uint8_t *t = s2v(&w->ask);
        dbl(t);
        t[0] ^= 0x80;
        cmac_client(e, &w->c2s, t, 16, w->tag);
    }
    flush(e);
    lane_set genuine = 0;
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        if (bytes_equal_ct(e->work[l].tag, x->ask_seal[l] + EXCHANGE_NONCE_LEN, EXCHANGE_TAG_LEN))
            genuine |= lane_bit(l);
    }
    return genuine;
}

static void seal_cookies(struct engine *e, struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        for (unsigned c = 0; c < x->n_cookies[l]; c++)
            cmac_cookie(e, x->seal_key, x->random[l] + 16 * (1 + c), COOKIE_NONCE_LEN,
                        e->work[l].cookie[c].nonce);
    }
    flush(e);
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        for (unsigned c = 0; c < x->n_cookies[l]; c++) {
            uint8_t *cookie = x->reply_seal[l] + TEXT_AT + c * EXCHANGE_STRIDE + EXCHANGE_LEAD;
            memcpy(cookie - EXCHANGE_LEAD, x->lead, EXCHANGE_LEAD);
            be32_put(cookie, x->seal_key->id);
            memcpy(cookie + NONCE_AT, x->random[l] + 16 * (1 + c), COOKIE_NONCE_LEN);
            uint8_t *text = w->cookie[c].text;
            memcpy(text, w->keys, COOKIE_KEYS_LEN);
            xor16(text + COOKIE_KEYS_LEN - 16, w->cookie[c].nonce);
            xor16(text + COOKIE_KEYS_LEN - 16, x->seal_key->s2v_prefix);
            cmac_cookie(e, x->seal_key, text, COOKIE_KEYS_LEN, cookie + TAG_AT);
        }
    }
    flush(e);
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        for (unsigned c = 0; c < x->n_cookies[l]; c++) {
            uint8_t *cookie = x->reply_seal[l] + TEXT_AT + c * EXCHANGE_STRIDE + EXCHANGE_LEAD;
            ctr(e, x->seal_key->ctr_schedule[0], cookie + TAG_AT, w->cookie[c].counter, w->keys,
                COOKIE_KEYS_LEN, cookie + KEYS_AT);
        }
    }
    flush(e);
}

static void seal_replies(struct engine *e, struct exchange *x, lane_set which)
{
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        struct work *w = &e->work[l];
        size_t len = (size_t)x->n_cookies[l] * EXCHANGE_STRIDE;
        // T = plaintext xorend D
        memcpy(w->text, x->reply_seal[l] + TEXT_AT, len);
        xor16(w->text + len - 16, s2v(&w->reply));
        memcpy(x->reply_seal[l], x->random[l], EXCHANGE_NONCE_LEN);
        cmac_client(e, &w->s2c, w->text, len, x->reply_seal[l] + EXCHANGE_NONCE_LEN);
    }
    flush(e);
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        uint8_t *text = x->reply_seal[l] + TEXT_AT;
        ctr(e, e->work[l].s2c_ctr, x->reply_seal[l] + EXCHANGE_NONCE_LEN, e->work[l].counter, text,
            (size_t)x->n_cookies[l] * EXCHANGE_STRIDE, text);
    }
    flush(e);
}

static lane_set ipsec_mb_run(struct exchange *x, lane_set which)
{
    struct engine *e = engine();
    if (e == NULL)
        return 0;
    e->sound = true;
    lane_set proven = open_cookies(e, x, which);
    proven = check_requests(e, x, proven);
    seal_cookies(e, x, proven);
    seal_replies(e, x, proven);
    for (lane_set left = which; left != 0;) {
        unsigned l = lane_take(&left);
        bytes_wipe(&e->work[l], sizeof e->work[l]);
        // A job that the library refused leaves nothing to trust.
        if (!e->sound)
            bytes_wipe(x->reply_seal[l], TEXT_AT + (size_t)x->n_cookies[l] * EXCHANGE_STRIDE);
    }
    return e->sound ? proven : 0;
}

const struct exchange_variant exchange_ipsec_mb = {
    .name = "ipsec-mb",
    .usable = cpu_has_aesni,
    .run = ipsec_mb_run,
};
