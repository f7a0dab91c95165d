// Measures the cost of the crypto of one NTS request: every variant of the exchange, one and eight
// cookies, several batch sizes. For comparison: the floor of each instruction set, and nettle one
// packet at a time, as in other servers. One thread.
#include "crypto/aead.h"
#include "crypto/cookie.h"
#include "crypto/exchange.h"
#include "perf/bench/bench.h"
#include "perf/bench/floor_row.h"
#include "perf/bench/nettle.h"
#include "perf/bench/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEAL_MAX = 32 + EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE,
    ASK_MAX = 1024,
    SPREAD = 64, // distance between buffers: not adjacent, and at different offsets in a page
};

// The memory of one lane, at the distance of packet buffers from the next one.
struct lane {
    uint8_t request[ASK_MAX]; // includes the cookie, as in a request
    uint8_t request_seal[32];
    uint8_t reply[SHAPE_REPLY_LEN + 4];
    uint8_t reply_seal[SEAL_MAX];
    uint8_t random[EXCHANGE_RANDOM_LEN];
    uint8_t spread[SPREAD];
};

struct load {
    struct exchange jobs;
    struct cookie_key key;
    struct lane lane[LANES];
};

// The state of a row.
struct work {
    struct load *load;
    const struct exchange_variant *variant;
    unsigned batch;
};

static void fill(uint8_t *at, size_t len, unsigned salt)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(salt + 31 * i);
}

static void make_lane(struct load *load, unsigned l, unsigned cookies)
{
    enum { COOKIE_AT = SHAPE_HEADER_LEN + SHAPE_UID_LEN + 4 };
    struct lane *m = &load->lane[l];
    struct exchange *x = &load->jobs;
    uint8_t keys[COOKIE_KEYS_LEN];
    fill(keys, sizeof keys, l);
    fill(m->request, sizeof m->request, l + 1);
    fill(m->request_seal, 16, l + 2);
    fill(m->reply, sizeof m->reply, l + 3);
    fill(m->random, sizeof m->random, l + 4);
    cookie_seal(&load->key, m->request_seal, keys, sizeof keys, m->request + COOKIE_AT);
    x->open_key[l] = &load->key;
    x->cookie[l] = m->request + COOKIE_AT;
    x->request[l] = m->request;
    x->shape[l] = (struct exchange_shape){
        .request_len = (uint16_t)shape_ask_len(cookies),
        .reply_len = SHAPE_REPLY_LEN,
        .n_cookies = cookies,
    };
    x->request_seal[l] = m->request_seal;
    x->reply[l] = m->reply;
    x->reply_seal[l] = m->reply_seal;
    x->random[l] = m->random;
    aead_rows[0].seal(keys, (struct bytes_span){m->request, x->shape[l].request_len},
                      (struct bytes_span){m->request_seal, 16}, NULL, 0, m->request_seal + 16);
}

static struct load *load_new(unsigned cookies)
{
    static const uint8_t secret[COOKIE_KEY_LEN] = {1, 2, 3};
    struct load *load = aligned_alloc(64, (sizeof *load + 63) / 64 * 64);
    if (!load) {
        perror("memory");
        exit(1);
    }
    memset(load, 0, sizeof *load);
    cookie_key_expand_own(&load->key, 0x0a0b0c0d, secret);
    load->jobs.seal_key = &load->key;
    for (unsigned l = 0; l < LANES; l++)
        make_lane(load, l, cookies);
    return load;
}

static void run_variant(void *with)
{
    const struct work *w = with;
    lane_set which = lane_first(w->batch);
    if (w->variant->run(&w->load->jobs, which) != which) {
        fprintf(stderr, "%s: a genuine request was refused\n", w->variant->name);
        exit(1);
    }
}

static void run_nettle(void *with)
{
    const struct work *w = with;
    if (nettle_exchange(&w->load->jobs, w->batch) != lane_first(w->batch)) {
        fprintf(stderr, "nettle: a genuine request was refused\n");
        exit(1);
    }
}

static struct work *work_new(struct work work)
{
    struct work *w = malloc(sizeof *w);
    if (!w) {
        perror("memory");
        exit(1);
    }
    *w = work;
    return w;
}

static const char *case_of(unsigned cookies)
{
    return cookies == 1 ? "nts1" : "nts8";
}

static void add_variant(struct bench *bench, const struct exchange_variant *variant,
                        struct load *load, unsigned cookies)
{
    static const unsigned batches[] = {1, 8, 16, 64};
    const struct bench_row *floor = floor_row_add(bench, variant->name, cookies);
    for (unsigned i = 0; i < sizeof batches / sizeof *batches; i++) {
        struct work work = {.load = load, .variant = variant, .batch = batches[i]};
        bench_add(bench, (struct bench_row){.variant = variant->name,
                                            .name = case_of(cookies),
                                            .cookies = cookies,
                                            .batch = batches[i],
                                            .work = run_variant,
                                            .with = work_new(work),
                                            .floor = floor});
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bench_open(&bench, argc, argv,
               "Times the whole crypto of NTS requests: cookie opened, request checked, fresh\n"
               "cookies and reply sealed. 'floor' is the AES instructions of that work alone.");
    for (unsigned cookies = 1; cookies <= EXCHANGE_COOKIES_MAX;
         cookies += EXCHANGE_COOKIES_MAX - 1) {
        struct load *load = load_new(cookies);
        for (const struct exchange_variant *const *v = exchange_variants[0]; *v != NULL; v++) {
            if ((*v)->usable() && bench_wants(&bench, (*v)->name))
                add_variant(&bench, *v, load, cookies);
        }
        if (bench_wants(&bench, "nettle"))
            bench_add(&bench, (struct bench_row){
                                  .variant = "nettle",
                                  .name = case_of(cookies),
                                  .cookies = cookies,
                                  .batch = 16,
                                  .work = run_nettle,
                                  .with = work_new((struct work){.load = load, .batch = 16})});
    }
    return bench_run(&bench);
}
