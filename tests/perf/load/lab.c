// See lab.h.
#include "tests/perf/load/lab_clock.h"
#include "tests/perf/load/lab_server.h"

#include "base/now.h"
#include "perf/load/load_run.h"
#include "perf/load/utc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lab *lab_of(struct path *path)
{
    return (struct lab *)path;
}

static unsigned lend(struct path *path, struct path_out *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out->payload[i] = lab_of(path)->leaving[i];
    return n;
}

static bool is_shut(const struct lab *lab)
{
    uint64_t since = lab->first_ns ? now_ns() - lab->first_ns : 0;
    return lab->shut_ns <= since && since < lab->open_ns;
}

static void put_stamp(struct lab *lab, const uint8_t *request)
{
    lab->n_stamps++;
    if (lab->lose_stamps != 0 && lab->n_stamps % lab->lose_stamps == 0)
        return;
    struct lab_stamp *s = &lab->stamp[lab->stamp_to++ % LAB_STAMPS_MAX];
    s->ns = utc_now_ns();
    memcpy(s->payload, request, sizeof s->payload);
    assert_true(lab->stamp_to - lab->stamp_from <= LAB_STAMPS_MAX);
}

static unsigned sent(struct path *path, struct path_sent *sent)
{
    struct lab *lab = lab_of(path);
    unsigned n = 0;
    for (; lab->stamp_from != lab->stamp_to && n < LANES; n++) {
        const struct lab_stamp *s = &lab->stamp[lab->stamp_from++ % LAB_STAMPS_MAX];
        sent->payload[n] = s->payload;
        sent->len[n] = sizeof s->payload;
        sent->stamp_ns[n] = s->ns;
        if (!lab->stamps_twice || ++n == LANES)
            continue;
        sent->payload[n] = s->payload;
        sent->len[n] = sizeof s->payload;
        sent->stamp_ns[n] = s->ns + 1000000000;
    }
    return n;
}

static unsigned take(struct path *path, struct path_out *out, unsigned from, unsigned n)
{
    struct lab *lab = lab_of(path);
    if (is_shut(lab))
        return 0;
    n = n < lab->take ? n : lab->take;
    lab->n_split += n % lab->load.plan.bunch != 0;
    for (unsigned i = from; i < from + n; i++) {
        // Exactly as long as it is, so that a sanitizer sees who reads on.
        uint8_t *request = malloc(out->len[i]);
        assert_non_null(request);
        memcpy(request, out->payload[i], out->len[i]);
        if (lab->load.plan.same_clock)
            put_stamp(lab, request);
        memset(out->payload[i], 0xdd, out->len[i]); // it is the path's now
        assert_true(out->endpoint[i] < path->n_endpoints);
        assert_true(out->len[i] <= PATH_PAYLOAD_MAX);
        lab_serve(lab, request, out->len[i], out->endpoint[i]);
        free(request);
        if (lab->n_requests == lab->stop_at)
            atomic_store(&lab->stop, true);
    }
    return n;
}

static bool is_due(struct lab *lab, const struct lab_reply *r, uint64_t now)
{
    unsigned state = window_at(&lab->load.window, r->transmit)->state;
    return now >= r->ready_ns && (!r->given_up || state == SLOT_EXPIRED) &&
           (!r->settled || state == SLOT_SETTLED);
}

static unsigned bring(struct path *path, struct path_in *in)
{
    struct lab *lab = lab_of(path);
    uint64_t now = now_ns();
    unsigned n = 0;
    lab->n_after_stop += atomic_load(&lab->stop);
    for (struct lab_reply **at = &lab->first; *at && n < LANES;) {
        struct lab_reply *r = *at;
        if (!is_due(lab, r, now)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        if (lab->end == &r->next)
            lab->end = at;
        lab->arrived[n] = r;
        in->payload[n] = r->payload;
        in->len[n] = r->len;
        in->stamp_ns[n] = lab->lose_arrivals ? 0 : utc_now_ns();
        in->endpoint[n++] = r->endpoint;
    }
    return n;
}

static void give_back(struct path *path, struct path_in *in, unsigned n)
{
    (void)in;
    for (unsigned i = 0; i < n; i++) {
        free(lab_of(path)->arrived[i]);
        lab_of(path)->arrived[i] = NULL;
    }
}

static void wait_for(struct path *path, uint64_t ns)
{
    (void)path;
    lab_clock_wait(ns);
}

static uint64_t missed(struct path *path)
{
    (void)path;
    return 0;
}

static const struct path_kind kind = {
    .name = "lab",
    .lease = lend,
    .send = take,
    .receive = bring,
    .release = give_back,
    .wait = wait_for,
    .sent = sent,
    .missed = missed,
};

static bool request_session(void *with, uint32_t client)
{
    struct lab *lab = with;
    unsigned waiting = 0;
    for (uint32_t c = 0; c < lab->clients.n; c++)
        waiting += lab->awaited[c];
    lab->n_session_requests++;
    lab->n_requested_twice += lab->awaited[client];
    if (waiting >= lab->supply_room)
        return false;
    lab->awaited[client] = true;
    lab->requested_ns[client] = now_ns();
    return true;
}

static void equip_waiting(void *with, struct clients *clients, void (*equipped)(void *, uint32_t),
                          void *by)
{
    struct lab *lab = with;
    for (uint32_t c = 0; c < clients->n; c++) {
        if (!lab->awaited[c] || now_ns() < lab->requested_ns[c] + lab->supply_ns)
            continue;
        lab->awaited[c] = false;
        lab_equip(lab, clients, c);
        equipped(by, c);
    }
}

void lab_flow(struct lab *lab, enum flow_kind flow, double weight)
{
    bool nts = flow_rows[flow].nts && lab->clients.cookie_len > 0;
    lab->flow[lab->load.n_flows++] = (struct flow){.kind = flow, .nts = nts, .weight = weight};
}

struct lab *lab_open(uint32_t n_clients, uint32_t n_endpoints, uint32_t cookie_len)
{
    size_t len = (sizeof(struct lab) + 63) / 64 * 64;
    struct lab *lab = aligned_alloc(64, len);
    assert_non_null(lab);
    memset(lab, 0, len);
    lab->path = (struct path){.kind = &kind, .n_endpoints = n_endpoints};
    lab->every = 3;
    lab->until = UINT32_MAX;
    lab->nonce_len = 16;
    lab->cookies_max = 8;
    lab->take = LANES;
    lab->end = &lab->first;
    rng_init(&lab->rng);
    rng_reseed(&lab->rng, (const uint8_t[RNG_SEED_LEN]){1});
    assert_int_equal(clients_open(&lab->clients, n_clients, cookie_len, false), 0);
    for (uint32_t c = 0; c < n_clients && cookie_len > 0; c++)
        lab_equip(lab, &lab->clients, c);
    lab->load.aead = &aead_rows[AEAD_SIV_CMAC_256];
    lab->load.crypto = client_variant_named(AEAD_SIV_CMAC_256, "auto");
    lab->load.plan = (struct load_plan){.placeholders = LOAD_AUTO, .verify = 1, .bunch = 1};
    lab_flow(lab, cookie_len > 0 ? FLOW_NTS : FLOW_PLAIN, 1);
    return lab;
}

void lab_close(struct lab *lab)
{
    while (lab->first) {
        struct lab_reply *next = lab->first->next;
        free(lab->first);
        lab->first = next;
    }
    clients_close(&lab->clients);
    free(lab);
}

// Each request that hopes for something ends in one counter: a reply that comes a second time, or
// when its request is settled, decides nothing.
static void check_identity(const struct lab *lab)
{
    uint64_t due = 0;
    for (unsigned i = 0; i < lab->load.n_flows; i++) {
        const struct flow *flow = &lab->flow[i];
        const struct tally *t = &flow->tally;
        due += t->count[TALLY_SENT] + tally_sum(t, TALLY_OF_UNSENT);
        if (flow->kind == FLOW_REPLAY || !flow_hopes(flow->kind))
            continue;
        uint64_t ends = t->count[TALLY_ANSWERED] + t->count[TALLY_NAK] + t->count[TALLY_LATE] +
                        t->count[TALLY_LOST] + t->count[TALLY_OPEN] +
                        tally_sum(t, TALLY_OF_KISSES) + tally_sum(t, TALLY_OF_WRONG) -
                        t->count[TALLY_WRONG_DUPLICATE];
        assert_int_equal(ends, t->count[TALLY_SENT]);
        assert_true(t->count[TALLY_VERIFIED] <= t->count[TALLY_ANSWERED]);
        assert_true(t->count[TALLY_INTERLEAVED] <= t->count[TALLY_ANSWERED]);
    }
    double planned = lab->load.plan.from * (double)lab->load.plan.span_ns / 1e9;
    if (!atomic_load(&lab->stop) && !lab->load.plan.poisson) // what was due was sent or is missed
        assert_true((double)due >= planned - 1 && (double)due <= planned + lab->load.plan.bunch);
}

void lab_run(struct lab *lab, double rate, unsigned span_ms, unsigned timeout_ms)
{
    struct load *load = &lab->load;
    load->plan.from = load->plan.to = rate;
    load->plan.span_ns = span_ms * UINT64_C(1000000);
    load->plan.timeout_ns = timeout_ms * UINT64_C(1000000);
    load->path = &lab->path;
    load->clients = &lab->clients;
    if (lab->supply_room > 0)
        load->supply = (struct supply){lab, request_session, equip_waiting};
    load->rng = &lab->rng;
    load->flow = lab->flow;
    load->stop = &lab->stop;
    load->row = lab->row;
    assert_int_equal(load_run(load), 0);
    for (const struct lab_reply *r = lab->first; r; r = r->next)
        lab->n_left++;
    check_identity(lab);
    if (!lab->clients.reuse)
        assert_int_equal(lab->n_twice, 0); // no cookie is spent twice
}
