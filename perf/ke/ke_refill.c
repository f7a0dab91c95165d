#include "perf/ke/ke_refill.h"

#include "base/bytes.h"
#include "perf/ke/ke_engine.h"
#include "perf/ke/ke_ring.h"
#include "perf/ke/ke_session.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_US = 1000, // how often requests are polled: to wake this thread would cost the load thread
                    // a call
    GRANTS = 256,   // places for grants, a power of two
    PAUSE_MS = 50,  // after a round of failures; doubled after each further one
    PAUSE_DOUBLINGS = 5,
};

struct request {
    uint32_t client;
    uint64_t requested_ns;
};

struct given {
    uint32_t client;
    struct ke_grant grant;
};

struct ke_refill {
    struct ke_ring requests; // from the load thread to the refill's thread
    struct ke_ring grants;   // from the refill's thread to the load thread
    struct request *request; // the places of requests
    struct given *given;     // the places of grants
    uint32_t n_clients;
    uint32_t waiting;           // of the load thread: requested and not taken
    _Atomic uint64_t requested; // writer: the load thread. Reader: any, relaxed

    // Of the refill's thread only.
    pthread_t thread;
    struct ke_engine *engine;
    struct request *again; // n_again requests whose exchange failed
    uint32_t n_again;
    uint32_t in_flight;
    uint32_t rounds;   // of failures, since the last grant
    uint64_t round_ns; // when the last round was counted
    uint64_t resume_ns;
    struct histogram first_cookie; // read by others after the thread has ended

    // Writer: the refill's thread. Readers: any, relaxed.
    _Atomic uint64_t begun;
    _Atomic uint64_t outcome[KE_OUTCOME_COUNT];

    atomic_bool stop; // writer: ke_refill_stop. Reader: the thread
};

static void add_one(_Atomic uint64_t *count)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

// Exchanges that were open at the same time and fail count as one round, with one pause.
static void pause_for(struct ke_refill *r, const struct ke_times *times)
{
    if (times->began_ns < r->round_ns)
        return;
    uint32_t doublings = r->rounds < PAUSE_DOUBLINGS ? r->rounds : PAUSE_DOUBLINGS;
    r->rounds++;
    r->round_ns = times->ended_ns;
    r->resume_ns = times->ended_ns + ((uint64_t)PAUSE_MS << doublings) * 1000000;
}

static void done(void *context, const struct ke_report *report, const struct ke_grant *grant)
{
    struct ke_refill *r = context;
    r->in_flight--;
    add_one(&r->outcome[report->outcome]);
    if (!grant) {
        r->again[r->n_again++] =
            (struct request){(uint32_t)report->tag, report->times.scheduled_ns};
        pause_for(r, &report->times);
        return;
    }
    r->rounds = 0;
    histogram_add(&r->first_cookie, report->times.answered_ns - report->times.scheduled_ns);
    struct given *given = &r->given[ke_ring_free_place(&r->grants)]; // begin_more has left room
    given->client = (uint32_t)report->tag;
    given->grant = *grant;
    ke_ring_put(&r->grants);
}

// The next request; the failed ones come first, because they are the oldest.
static bool next_request(struct ke_refill *r, struct request *request)
{
    if (r->n_again > 0) {
        *request = r->again[--r->n_again];
        return true;
    }
    if (ke_ring_filled(&r->requests) == 0)
        return false;
    *request = r->request[ke_ring_filled_place(&r->requests)];
    ke_ring_take(&r->requests);
    return true;
}

static void begin_more(struct ke_refill *r, uint32_t max_open)
{
    struct request request;
    while (r->in_flight < max_open && r->in_flight < ke_ring_room(&r->grants) &&
           ke_now_ns() >= r->resume_ns && next_request(r, &request)) {
        add_one(&r->begun);
        r->in_flight++;
        bool begun = ke_engine_begin(r->engine, KE_KIND_FULL, request.client, request.requested_ns);
        assert(begun);
        (void)begun;
    }
}

static void *run(void *context)
{
    struct ke_refill *r = context;
    pthread_setname_np(pthread_self(), "ke refill");
    while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
        begin_more(r, ke_engine_max_open(r->engine));
        ke_engine_turn(r->engine, LOOK_US * 1000);
    }
    return NULL;
}

static uint32_t power_of_two(uint32_t n)
{
    uint32_t size = 1;
    while (size < n)
        size *= 2;
    return size;
}

static void release(struct ke_refill *r)
{
    ke_engine_close(r->engine);
    if (r->given)
        bytes_wipe(r->given, GRANTS * sizeof *r->given);
    free(r->given);
    free(r->request);
    free(r->again);
    free(r);
}

int ke_refill_start(const struct ke_target *target, uint32_t n_clients, uint32_t max_open,
                    struct ke_refill **refill, char why[256])
{
    snprintf(why, 256, "no memory to refill %u clients", n_clients);
    struct ke_refill *r = aligned_alloc(_Alignof(struct ke_refill), sizeof *r);
    if (!r)
        return -ENOMEM;
    memset(r, 0, sizeof *r);
    r->n_clients = n_clients;
    r->requests.size = power_of_two(n_clients);
    r->grants.size = GRANTS;
    histogram_init(&r->first_cookie);
    r->request = calloc(r->requests.size, sizeof *r->request);
    r->again = calloc(n_clients, sizeof *r->again);
    r->given = calloc(GRANTS, sizeof *r->given);
    struct ke_listener listener = {.done = done, .context = r};
    int result = r->request && r->again && r->given ? 0 : -ENOMEM;
    if (result == 0)
        result = ke_engine_open(target, max_open, listener, &r->engine, why);
    if (result == 0)
        result = -pthread_create(&r->thread, NULL, run, r);
    if (result < 0) {
        release(r);
        return result;
    }
    *refill = r;
    return 0;
}

bool ke_refill_request(struct ke_refill *r, uint32_t client)
{
    if (r->waiting == r->n_clients)
        return false;
    r->waiting++;
    r->request[ke_ring_free_place(&r->requests)] = (struct request){client, ke_now_ns()};
    ke_ring_put(&r->requests);
    add_one(&r->requested);
    return true;
}

bool ke_refill_take(struct ke_refill *r, uint32_t *client, struct ke_grant *grant)
{
    if (ke_ring_filled(&r->grants) == 0)
        return false;
    struct given *given = &r->given[ke_ring_filled_place(&r->grants)];
    *client = given->client;
    *grant = given->grant;
    bytes_wipe(&given->grant, sizeof given->grant);
    ke_ring_take(&r->grants);
    r->waiting--;
    return true;
}

void ke_refill_count(const struct ke_refill *r, struct ke_refill_counts *counts)
{
    *counts = (struct ke_refill_counts){
        .requested = atomic_load_explicit(&r->requested, memory_order_relaxed),
        .begun = atomic_load_explicit(&r->begun, memory_order_relaxed),
    };
    for (int i = 0; i < KE_OUTCOME_COUNT; i++) {
        counts->outcome[i] = atomic_load_explicit(&r->outcome[i], memory_order_relaxed);
        counts->failed += i >= KE_OUTCOME_FIRST_FAILURE ? counts->outcome[i] : 0;
    }
    counts->granted = counts->outcome[KE_OUTCOME_GRANTED];
}

void ke_refill_stop(struct ke_refill *r, struct ke_refill_counts *counts,
                    struct histogram *first_cookie)
{
    if (!r)
        return;
    atomic_store_explicit(&r->stop, true, memory_order_relaxed);
    pthread_join(r->thread, NULL);
    if (counts)
        ke_refill_count(r, counts);
    if (first_cookie)
        *first_cookie = r->first_cookie;
    release(r);
}
