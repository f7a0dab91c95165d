// The slow oracle of the exchange, and lanes for it.
#include "tests/crypto/exchange_reference.h"

#include "crypto/siv.h"
#include "tests/crypto/support.h"

enum { C2S = 0, S2C = 32, GUARD_OCTET = 0xa5 };

static size_t seal_len(const struct exchange *x, unsigned l)
{
    return 32 + (size_t)x->shape[l].n_cookies * EXCHANGE_STRIDE;
}

static struct bytes_span part(const uint8_t *at, size_t len)
{
    return (struct bytes_span){at, len};
}

void bench_start(struct bench *b, uint64_t *seed)
{
    memset(b, 0, sizeof *b);
    struct cookie_key *const keys[] = {&b->seal_key, &b->old_key, &b->older_key};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t secret[COOKIE_KEY_LEN];
        fill_mixed(seed, secret, sizeof secret);
        cookie_key_expand_own(keys[i], (uint32_t)mixed(seed), secret);
    }
    b->x.seal_key = &b->seal_key;
    memcpy(b->x.lead, "\x02\x04\x00\x68", EXCHANGE_LEAD);
}

void bench_reseal(struct bench *b, unsigned l)
{
    struct lane_memory *m = &b->lane[l];
    siv_seal(m->keys + C2S, part(m->request, b->x.shape[l].request_len), part(m->request_seal, 16),
             NULL, 0, m->request_seal + 16);
}

void bench_lane(struct bench *b, unsigned l, const struct cookie_key *key, uint16_t request_len,
                uint16_t reply_len, uint8_t n_cookies, uint64_t *seed)
{
    struct lane_memory *m = &b->lane[l];
    fill_mixed(seed, m->keys, sizeof m->keys);
    fill_mixed(seed, m->request, request_len);
    fill_mixed(seed, m->request_seal, 16);
    fill_mixed(seed, m->reply, reply_len);
    fill_mixed(seed, m->random, sizeof m->random);
    memset(m->reply_seal, GUARD_OCTET, sizeof m->reply_seal);
    uint8_t nonce[COOKIE_NONCE_LEN];
    fill_mixed(seed, nonce, sizeof nonce);
    cookie_seal(key, nonce, m->keys, COOKIE_KEYS_LEN, m->cookie);

    struct exchange *x = &b->x;
    x->open_key[l] = key;
    x->shape[l] = (struct exchange_shape){request_len, reply_len, n_cookies};
    bench_reseal(b, l);
}

void bench_any_lane(struct bench *b, unsigned l, uint64_t *seed)
{
    const struct cookie_key *const keys[] = {&b->seal_key, &b->old_key, &b->older_key};
    bench_lane(b, l, keys[mixed(seed) % 3], (uint16_t)(16 + mixed(seed) % (LANE_AD_MAX - 16)),
               (uint16_t)(16 + mixed(seed) % (LANE_AD_MAX - 16)), (uint8_t)(1 + mixed(seed) % 8),
               seed);
}

lane_set reference_run(struct exchange *x, lane_set which)
{
    lane_set proven = 0;
    while (which != 0) {
        unsigned l = lane_take(&which);
        uint8_t keys[COOKIE_KEYS_LEN];
        if (!cookie_open(x->open_key[l], x->cookie[l], keys, COOKIE_KEYS_LEN)) {
            x->unopened |= lane_bit(l);
            continue;
        }
        if (!siv_open(keys + C2S, part(x->request[l], x->shape[l].request_len),
                      part(x->request_seal[l], 16), x->request_seal[l] + 16, 16, NULL))
            continue;
        proven |= lane_bit(l);
        for (unsigned i = 0; x->sessions != NULL && i < EXCHANGE_SESSION_LEN; i++)
            x->sessions->name[l][i] = keys[C2S + i] ^ x->sessions->veil[i];
        uint8_t *text = x->reply_seal[l] + 32;
        for (unsigned c = 0; c < x->shape[l].n_cookies; c++) {
            memcpy(text + c * EXCHANGE_STRIDE, x->lead, EXCHANGE_LEAD);
            cookie_seal(x->seal_key, x->random[l] + 16 * (1 + c), keys, COOKIE_KEYS_LEN,
                        text + c * EXCHANGE_STRIDE + EXCHANGE_LEAD);
        }
        memcpy(x->reply_seal[l], x->random[l], 16);
        siv_seal(keys + S2C, part(x->reply[l], x->shape[l].reply_len), part(x->random[l], 16), text,
                 (size_t)x->shape[l].n_cookies * EXCHANGE_STRIDE, x->reply_seal[l] + 16);
    }
    return proven;
}

void bench_point(struct bench *b)
{
    for (unsigned l = 0; l < LANES; l++) {
        b->x.cookie[l] = b->lane[l].cookie;
        b->x.request[l] = b->lane[l].request;
        b->x.request_seal[l] = b->lane[l].request_seal;
        b->x.reply[l] = b->lane[l].reply;
        b->x.reply_seal[l] = b->lane[l].reply_seal;
        b->x.random[l] = b->lane[l].random;
    }
}

lane_set compare(const struct bench *b, lane_set which, const struct exchange_variant *variant)
{
    static struct bench got, want;
    memcpy(&got, b, sizeof got);
    memcpy(&want, b, sizeof want);
    bench_point(&got);
    bench_point(&want);
    static struct exchange_sessions got_sessions, want_sessions;
    memset(&got_sessions, 0, sizeof got_sessions);
    memcpy(got_sessions.veil, b->lane[0].random, sizeof got_sessions.veil);
    want_sessions = got_sessions;
    got.x.sessions = &got_sessions;
    want.x.sessions = &want_sessions;
    lane_set proven = variant->run(&got.x, which);
    lane_set expected = reference_run(&want.x, which);
    assert_int_equal(proven, expected);
    assert_int_equal(got.x.unopened, want.x.unopened);
    for (unsigned l = 0; l < LANES; l++) {
        size_t len = seal_len(&got.x, l);
        if (proven & lane_bit(l))
            assert_memory_equal(got_sessions.name[l], want_sessions.name[l], EXCHANGE_SESSION_LEN);
        const uint8_t *seal = got.lane[l].reply_seal;
        if (!(which & ~expected & lane_bit(l)))
            assert_memory_equal(seal, want.lane[l].reply_seal, len);
        else if (memcmp(seal, b->lane[l].reply_seal, len) != 0)
            for (size_t i = 0; i < len; i++)
                assert_int_equal(seal[i], 0);
        // All but the seal is only read, and the seal's end is kept.
        memcpy(want.lane[l].reply_seal, got.lane[l].reply_seal, len);
        assert_memory_equal(&got.lane[l], &want.lane[l], sizeof got.lane[l]);
    }
    return proven;
}
