// Bursts of random exchanges.
#include "tests/crypto/exchange_random.h"

#include "tests/crypto/memory.h"
#include "tests/crypto/support.h"

#include <stdbool.h>
#include <stdio.h>

enum {
    KEYS = 3,
    PAGES = LANES * RANDOM_PARTS,
    UID_MAX = 256,
    EMPTY = 0xa5, // the octets around a reply's seal
};

static struct fenced_pages lanes_pages, keys_pages;

static unsigned pick(uint64_t *seed, unsigned n)
{
    return (unsigned)(mixed(seed) % n);
}

// NTS's own: an identifier, a cookie and placeholders as long as it; sometimes a foreign field.
static struct exchange_shape usual_shape(uint64_t *seed)
{
    unsigned uid = pick(seed, 2) ? 32 : 32 + 4 * pick(seed, (UID_MAX - 32) / 4 + 1);
    unsigned n = 1 + pick(seed, EXCHANGE_COOKIES_MAX);
    unsigned foreign = pick(seed, 4) ? 0 : 16 + 4 * pick(seed, 10);
    return (struct exchange_shape){
        .request_len = (uint16_t)(48 + 4 + uid + n * EXCHANGE_STRIDE + foreign),
        .reply_len = (uint16_t)(48 + 4 + uid),
        .n_cookies = n,
    };
}

static struct exchange_shape any_shape(uint64_t *seed)
{
    if (pick(seed, 2))
        return usual_shape(seed);
    unsigned longest = pick(seed, 2) ? 160 : 700;
    uint16_t aligned = pick(seed, 2) ? 0xffff : 0xfffc;
    return (struct exchange_shape){
        .request_len = (uint16_t)(16 + pick(seed, longest - 15)) & aligned,
        .reply_len = (uint16_t)(16 + pick(seed, longest - 15)) & aligned,
        .n_cookies = 1 + pick(seed, EXCHANGE_COOKIES_MAX),
    };
}

// All lanes, few, or any number of them, anywhere.
static lane_set any_lanes(uint64_t *seed)
{
    unsigned how = pick(seed, 4);
    unsigned n = how == 0 ? LANES : 1 + pick(seed, how == 1 ? 4 : LANES);
    lane_set which = 0;
    while (lane_count(which) < n)
        which |= lane_bit(pick(seed, LANES));
    return which;
}

// Seals the request of lane l under other keys than those in its cookie.
static void seal_under(struct bench *b, unsigned l, const uint8_t keys[32])
{
    uint8_t own[32];
    memcpy(own, b->lane[l].keys, sizeof own);
    memcpy(b->lane[l].keys, keys, sizeof own);
    bench_reseal(b, l);
    memcpy(b->lane[l].keys, own, sizeof own);
}

static void flip(uint64_t *seed, uint8_t *at, unsigned n)
{
    at[pick(seed, n)] ^= (uint8_t)(1U << pick(seed, 8));
}

static void spoil(struct bench *b, unsigned l, uint64_t *seed)
{
    struct lane_memory *m = &b->lane[l];
    const struct cookie_key *const keys[KEYS] = {&b->seal_key, &b->old_key, &b->older_key};
    uint8_t other[32];
    switch (pick(seed, 10)) {
    case 0:
        flip(seed, m->cookie + COOKIE_ID_LEN, COOKIE_LEN - COOKIE_ID_LEN);
        break;
    case 1: // the id is what the caller has looked at: the kernel does not
        flip(seed, m->cookie, COOKIE_ID_LEN);
        break;
    case 2:
        flip(seed, m->request, b->x.shape[l].request_len);
        break;
    case 3:
        flip(seed, m->request_seal, EXCHANGE_NONCE_LEN);
        break;
    case 4:
        flip(seed, m->request_seal + EXCHANGE_NONCE_LEN, EXCHANGE_TAG_LEN);
        break;
    case 5:
        b->x.open_key[l] = keys[pick(seed, KEYS)];
        break;
    case 6:
        memset(m->request_seal + EXCHANGE_NONCE_LEN, 0, EXCHANGE_TAG_LEN);
        break;
    case 7: // under S2C, or a stranger's
        fill_mixed(seed, other, sizeof other);
        seal_under(b, l, pick(seed, 2) ? m->keys + 32 : other);
        break;
    case 8: // an octet of the request missing, or one too many
        b->x.shape[l].request_len +=
            b->x.shape[l].request_len > 16 && pick(seed, 2) ? UINT16_MAX : 1;
        break;
    default:
        flip(seed, m->cookie + COOKIE_ID_LEN, COOKIE_LEN - COOKIE_ID_LEN);
        flip(seed, m->request, b->x.shape[l].request_len);
        break;
    }
}

static void make_lanes(struct random_burst *burst, uint64_t *seed)
{
    struct bench *b = &burst->made;
    const struct cookie_key *const keys[KEYS] = {&b->seal_key, &b->old_key, &b->older_key};
    unsigned n_keys = 1 + pick(seed, KEYS);
    unsigned n_shapes = pick(seed, 2) ? 1 + pick(seed, 4) : LANES;
    bool in_a_row = pick(seed, 8) == 0; // of one shape but for a length that grows
    // How many of 16 lanes are broken.
    unsigned broken = pick(seed, 2) ? 0 : pick(seed, 2) ? 2 : pick(seed, 2) ? 8 : 16;
    struct exchange_shape shape[LANES];
    for (unsigned i = 0; i < n_shapes; i++)
        shape[i] = any_shape(seed);
    for (lane_set left = burst->which; left != 0;) {
        unsigned l = lane_take(&left);
        struct exchange_shape s = shape[in_a_row ? 0 : pick(seed, n_shapes)];
        if (in_a_row)
            s.request_len = (uint16_t)(16 + (s.request_len + l) % 700);
        bench_lane(b, l, keys[pick(seed, n_keys)], s.request_len, s.reply_len, (uint8_t)s.n_cookies,
                   seed);
        if (pick(seed, 16) < broken)
            spoil(b, l, seed);
        burst->seen.n_cookies[s.n_cookies]++;
        burst->seen.request_len[b->x.shape[l].request_len % 16]++;
        burst->seen.reply_len[s.reply_len % 16]++;
    }
}

// Puts a copy into the fenced memory of that part of lane l: at either edge, or anywhere.
static uint8_t *place(struct random_burst *burst, unsigned l, enum random_part part,
                      const uint8_t *from, size_t len, uint64_t *seed)
{
    unsigned page = l * RANDOM_PARTS + part;
    unsigned room = FENCED_PAGE - (unsigned)len;
    unsigned how = pick(seed, 4);
    unsigned at = how == 0 ? 0 : how == 1 ? pick(seed, room + 1) : room;
    uint8_t *written = fenced_pages_written(&lanes_pages, page);
    if (part == RANDOM_REPLY_SEAL)
        memset(written, EMPTY, FENCED_PAGE);
    memcpy(written + at, from, len);
    burst->seen.at[part][at % 16]++;
    burst->seen.at_edge[part][0] += at == 0;
    burst->seen.at_edge[part][1] += at == room;
    return fenced_pages_seen(&lanes_pages, page) + at;
}

static size_t seal_len(const struct exchange *x, unsigned l)
{
    return 32 + (size_t)x->shape[l].n_cookies * EXCHANGE_STRIDE;
}

static void place_lane(struct random_burst *burst, unsigned l, uint64_t *seed)
{
    const struct lane_memory *m = &burst->made.lane[l];
    struct exchange *x = &burst->x;
    const struct exchange *made = &burst->made.x;
    size_t len = seal_len(made, l);
    x->shape[l] = made->shape[l];
    x->cookie[l] = place(burst, l, RANDOM_COOKIE, m->cookie, COOKIE_LEN, seed);
    x->request[l] = place(burst, l, RANDOM_ASK, m->request, x->shape[l].request_len, seed);
    x->request_seal[l] =
        place(burst, l, RANDOM_ASK_SEAL, m->request_seal, sizeof m->request_seal, seed);
    x->reply[l] = place(burst, l, RANDOM_REPLY, m->reply, x->shape[l].reply_len, seed);
    x->reply_seal[l] = place(burst, l, RANDOM_REPLY_SEAL, m->reply_seal, len, seed);
    x->random[l] =
        place(burst, l, RANDOM_RANDOM, m->random, 16 * (size_t)(1 + x->shape[l].n_cookies), seed);
    memcpy(burst->blank[l], m->reply_seal, len);
}

// The cookie keys end with their pages.
static void place_keys(struct random_burst *burst)
{
    const struct bench *b = &burst->made;
    const struct cookie_key *const keys[KEYS] = {&b->seal_key, &b->old_key, &b->older_key};
    const struct cookie_key *fenced[KEYS];
    for (unsigned i = 0; i < KEYS; i++) {
        enum { AT = FENCED_PAGE - sizeof *keys[i] };
        memcpy(fenced_pages_written(&keys_pages, i) + AT, keys[i], sizeof *keys[i]);
        fenced[i] =
            (const struct cookie_key *)(const void *)(fenced_pages_seen(&keys_pages, i) + AT);
    }
    burst->x.seal_key = fenced[0];
    memcpy(burst->x.lead, b->x.lead, sizeof burst->x.lead);
    for (lane_set left = burst->which; left != 0;) {
        unsigned l = lane_take(&left);
        for (unsigned i = 0; i < KEYS; i++)
            if (b->x.open_key[l] == keys[i])
                burst->x.open_key[l] = fenced[i];
    }
}

void random_burst_make(struct random_burst *burst, uint64_t seed)
{
    if (lanes_pages.seen == NULL) {
        fenced_pages_open(&lanes_pages, PAGES, RANDOM_PARTS, RANDOM_REPLY_SEAL);
        fenced_pages_open(&keys_pages, KEYS, 0, 0);
    }
    bench_start(&burst->made, &seed);
    memset(&burst->x, 0, sizeof burst->x);
    burst->which = any_lanes(&seed);
    make_lanes(burst, &seed);
    place_keys(burst);
    for (lane_set left = burst->which; left != 0;)
        place_lane(burst, lane_take(&left), &seed);
    bench_point(&burst->made);
    burst->proven = reference_run(&burst->made.x, burst->which);
    burst->seen.bursts++;
    burst->seen.lanes += lane_count(burst->which);
    burst->seen.n_lanes[lane_count(burst->which)]++;
    burst->seen.proven += lane_count(burst->proven);
}

// Whether n octets are all the same.
static bool are_all(const uint8_t *at, size_t n, uint8_t octet)
{
    return n == 0 || (at[0] == octet && memcmp(at, at + 1, n - 1) == 0);
}

// What is wrong with the reply of lane l.
static const char *lane_fault(const struct random_burst *burst, unsigned l)
{
    const uint8_t *page = fenced_pages_seen(&lanes_pages, l * RANDOM_PARTS + RANDOM_REPLY_SEAL);
    const uint8_t *seal = burst->x.reply_seal[l];
    size_t at = (size_t)(seal - page);
    size_t len = seal_len(&burst->x, l);
    if (!are_all(page, at, EMPTY) || !are_all(seal + len, FENCED_PAGE - at - len, EMPTY))
        return "octets outside the seal were written";
    if (burst->proven & lane_bit(l))
        return memcmp(seal, burst->made.lane[l].reply_seal, len) == 0 ? NULL
                                                                      : "the seal is another";
    // Refused: nothing is there but what was, or zeros.
    return memcmp(seal, burst->blank[l], len) == 0 || are_all(seal, len, 0)
               ? NULL
               : "a refused lane holds something";
}

const char *random_burst_fault(struct random_burst *burst, const struct exchange_variant *variant)
{
    static char words[200];
    static struct exchange x;
    for (lane_set left = burst->which; left != 0;) {
        unsigned l = lane_take(&left);
        memset(fenced_pages_seen(&lanes_pages, l * RANDOM_PARTS + RANDOM_REPLY_SEAL), EMPTY,
               FENCED_PAGE);
        memcpy(burst->x.reply_seal[l], burst->blank[l], seal_len(&burst->x, l));
    }
    memcpy(&x, &burst->x, sizeof x);
    lane_set proven = variant->run(&x, burst->which);
    if (proven != burst->proven) {
        snprintf(words, sizeof words, "proves %016llx, the slow path %016llx, of %016llx",
                 (unsigned long long)proven, (unsigned long long)burst->proven,
                 (unsigned long long)burst->which);
        return words;
    }
    if (x.unopened != burst->made.x.unopened)
        return "takes other lanes' cookies for genuine than the slow path";
    x.unopened = burst->x.unopened;
    if (memcmp(&x, &burst->x, sizeof x) != 0)
        return "the exchange itself was changed";
    for (lane_set left = burst->which; left != 0;) {
        unsigned l = lane_take(&left);
        const char *fault = lane_fault(burst, l);
        if (fault == NULL)
            continue;
        snprintf(words, sizeof words, "lane %u, request %u, reply %u, cookies %u: %s", l,
                 x.shape[l].request_len, x.shape[l].reply_len, x.shape[l].n_cookies, fault);
        return words;
    }
    return NULL;
}
