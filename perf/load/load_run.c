#include "perf/load/load_run.h"

#include "base/now.h"
#include "perf/load/load_in.h"
#include "perf/load/load_out.h"
#include "perf/load/utc.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

enum {
    SPIN_NS = 2000000, // how long after a request its reply is polled
    WAKE_NS = 100000,  // how long before the next request a sleep must end
    SLEEP_MAX_NS = 5000000,
};

// Ends requests whose deadline has passed.
static void expire(struct load *load, uint64_t now)
{
    struct window *window = &load->window;
    while (window->tail < window->head) {
        struct slot *slot = &window->slot[window->tail & window->mask];
        if (slot->state == SLOT_WAITING) {
            if (slot->sent_ns == 0 || now < slot->due_ns + load->plan.timeout_ns)
                return;
            struct flow *flow = &load->flow[slot->flow];
            flow->tally.count[TALLY_LOST] += flow_hopes(flow->kind);
            load_settle(load, slot, SLOT_EXPIRED);
        }
        window->tail++;
    }
}

static void note_sent(struct load *load, unsigned from, unsigned n, uint64_t now, uint64_t now_utc)
{
    struct load_burst *burst = &load->burst;
    for (unsigned i = from; i < from + n; i++) {
        load->flow[burst->flow[i]].tally.count[TALLY_SENT]++;
        load->self.sent_late += now > burst->due[i] + LOAD_LATE_NS;
        if (burst->slot[i] && !burst->slot[i]->stamped)
            burst->slot[i]->sent_ns = now_utc;
    }
    load->last_sent_ns = now;
}

// Sends the due part of the burst and returns the number sent.
static unsigned send_due(struct load *load, uint64_t now)
{
    struct load_burst *burst = &load->burst;
    unsigned n = 0;
    while (burst->at + n < burst->n && burst->due[burst->at + n] <= now)
        n++;
    load->refused = false;
    if (n == 0)
        return 0;
    uint64_t now_utc = utc_now_ns();
    unsigned from = burst->at;
    unsigned sent = path_send(load->path, &burst->out, from, n);
    note_sent(load, from, sent, now, now_utc);
    burst->at += sent;
    load->refused = sent < n;
    return sent;
}

// Gives all clients' cookies an unknown key id.
static void storm(struct load *load, uint64_t now)
{
    enum { KEY_ID_LEN = 4 };
    struct clients *clients = load->clients;
    load->storm.at_ns = now;
    for (uint32_t c = 0; c < clients->n; c++) {
        if (clients->client[c].n_cookies == 0)
            continue; // it has no cookie
        for (unsigned i = 0; i < CLIENT_JAR; i++)
            rng_fill(load->rng, clients->jars + ((size_t)c * CLIENT_JAR + i) * clients->cookie_len,
                     KEY_ID_LEN);
        clients->client[c].struck = true;
        load->storm.struck++;
    }
}

// Notes that a client has a new session.
static void equipped(void *with, uint32_t number)
{
    struct load *load = with;
    struct client *client = &load->clients->client[number];
    if (!client->struck)
        return;
    client->struck = false;
    load->storm.recovered++;
    histogram_add(&load->storm.needed, now_ns() - load->storm.at_ns);
}

static void sum_honest(const struct load *load, struct load_row *row)
{
    *row = (struct load_row){.wrong = tally_sum(&load->stray, TALLY_OF_WRONG)};
    for (unsigned i = 0; i < load->n_flows; i++) {
        const struct flow *flow = &load->flow[i];
        if (!flow_rows[flow->kind].honest)
            continue;
        const uint64_t *count = flow->tally.count;
        row->sent += count[TALLY_SENT];
        row->answered += count[TALLY_ANSWERED];
        row->lost += count[TALLY_LOST] + count[TALLY_LATE];
        row->wrong += tally_sum(&flow->tally, TALLY_OF_WRONG);
    }
}

// Completes a row with the differences from the sums at the row before.
static void end_row(struct load *load, struct load_row *sums, uint64_t from, uint64_t now)
{
    unsigned n = atomic_load_explicit(&load->rows, memory_order_relaxed);
    struct load_row all;
    sum_honest(load, &all);
    if (n < LOAD_ROWS_MAX) {
        load->row[n] = (struct load_row){
            .at_s = (double)(now - load->pace.start_ns) / 1e9,
            .span_s = (double)(now - from) / 1e9,
            .sent = all.sent - sums->sent,
            .answered = all.answered - sums->answered,
            .lost = all.lost > sums->lost ? all.lost - sums->lost : 0,
            .wrong = all.wrong - sums->wrong,
            .p50 = histogram_quantile(&load->interval, 0.5),
            .p99 = histogram_quantile(&load->interval, 0.99),
        };
        atomic_store_explicit(&load->rows, n + 1, memory_order_release);
    }
    *sums = all;
    histogram_init(&load->interval);
    // Clients whose new session could not be requested at once.
    for (uint32_t c = 0; c < load->clients->n && load->clients->cookie_len > 0; c++)
        load_resupply(load, c);
}

static bool all_is_over(const struct load *load)
{
    return !pace_goes_on(&load->pace) && load->burst.at == load->burst.n &&
           load->window.tail == load->window.head;
}

// Without work: sleeps, if neither a request nor the time of a reply can become late by it. Returns
// whether it slept.
static bool rest(struct load *load, uint64_t now)
{
    const struct load_burst *burst = &load->burst;
    uint64_t next = now + SLEEP_MAX_NS;
    if (burst->at < burst->n)
        next = burst->due[burst->at];
    else if (pace_goes_on(&load->pace) && pace_due(&load->pace) < next)
        next = pace_due(&load->pace);
    if (now < load->last_sent_ns + SPIN_NS || next < now + 2 * WAKE_NS)
        return false;
    path_wait(load->path, next - now - WAKE_NS);
    return true;
}

// One turn. Returns whether there was work.
static bool turn(struct load *load, uint64_t now)
{
    unsigned moved = load_in_receive(load);
    expire(load, now);
    if (load->supply.with)
        load->supply.take(load->supply.with, load->clients, equipped, load);
    bool made_before = load->burst.at < load->burst.n;
    load_out_prepare(load, now);
    moved += made_before ? 0 : load->burst.n;
    moved += send_due(load, now);
    return moved > 0;
}

// Discards the rest of the burst. Requests that were not due yet are not counted.
static void abandon(struct load *load, uint64_t now)
{
    struct load_burst *burst = &load->burst;
    for (unsigned i = burst->at; i < burst->n; i++) {
        load->flow[burst->flow[i]].tally.count[TALLY_UNSENT_PATH] += burst->due[i] <= now;
        if (burst->slot[i])
            load_settle(load, burst->slot[i], SLOT_FREE);
    }
    burst->at = burst->n = 0;
}

// Counts the requests that were still open when the run was stopped.
static void note_open(struct load *load)
{
    const struct window *window = &load->window;
    for (uint64_t at = window->tail; at < window->head; at++) {
        const struct slot *slot = &window->slot[at & window->mask];
        bool hoped = flow_hopes(load->flow[slot->flow].kind);
        load->flow[slot->flow].tally.count[TALLY_OPEN] += slot->state == SLOT_WAITING && hoped;
    }
}

// Adds the time of a turn to idle or blocked time.
static void note_turn(struct load *load, uint64_t took_ns, bool moved, bool rested)
{
    struct load_self *self = &load->self;
    if (!rested && took_ns > LOAD_LATE_NS) {
        self->stalls++;
        self->stalled_ns += took_ns;
    } else if (!moved) {
        *(load->refused ? &self->blocked_ns : &self->idle_ns) += took_ns;
    }
}

// The length of a row: a second, or more if the run needs more than LOAD_ROWS_MAX rows.
static uint64_t row_span(const struct load *load)
{
    enum { SECOND_NS = 1000000000 };
    uint64_t seconds = (load->plan.span_ns + load->plan.timeout_ns) / SECOND_NS + 1;
    return (seconds / LOAD_ROWS_MAX + 1) * SECOND_NS;
}

static void run(struct load *load)
{
    const uint64_t row_ns = row_span(load);
    uint64_t now = now_ns();
    uint64_t then = now; // time of the last turn
    uint64_t row_from = now;
    struct load_row sums = {0};
    while (!all_is_over(load)) {
        bool moved = turn(load, now);
        bool rested = !moved && rest(load, now);
        then = now;
        now = now_ns();
        note_turn(load, now - then, moved, rested);
        if (now - row_from >= row_ns) {
            end_row(load, &sums, row_from, now);
            row_from = now;
        }
        if (load->plan.storm_ns != 0 && load->storm.at_ns == 0 &&
            now - load->pace.start_ns >= load->plan.storm_ns)
            storm(load, now);
        if (atomic_load_explicit(load->stop, memory_order_relaxed))
            break;
        // Requests that the path does not accept within a timeout are discarded.
        if (load->burst.at < load->burst.n &&
            then > load->burst.due[load->burst.at] + load->plan.timeout_ns)
            abandon(load, then);
    }
    if (now - row_from > row_ns / 10)
        end_row(load, &sums, row_from, now);
    abandon(load, then);
    note_open(load);
    load->self.span_ns = now - load->pace.start_ns;
}

// Room for all requests that can wait at once, and as many late ones.
static uint64_t window_wanted(const struct load_plan *plan)
{
    double rate = plan->from > plan->to ? plan->from : plan->to;
    if (plan->burst_every_ns != 0)
        rate *= plan->burst_factor;
    return (uint64_t)(rate * (double)plan->timeout_ns / 1e9 * 2) + 4 * LANES;
}

int load_run(struct load *load)
{
    uint64_t cover = load_random(load);
    int fault = window_open(&load->window, window_wanted(&load->plan), cover);
    if (fault)
        return fault;
    prctl(PR_SET_TIMERSLACK, 1UL);
    uint32_t per_endpoint = load->clients->n / load->path->n_endpoints;
    load->block = per_endpoint < 1 ? 1 : per_endpoint > LANES ? LANES : per_endpoint;
    load->picked = -1;
    load->burst.at = load->burst.n = 0;
    load->replay.slot.len = 0;
    load->self = (struct load_self){0};
    tally_init(&load->stray);
    histogram_init(&load->interval);
    histogram_init(&load->storm.needed);
    same_clock_init(&load->same_clock);
    for (unsigned i = 0; i < load->n_flows; i++) {
        tally_init(&load->flow[i].tally);
        load->flow[i].credit = 0;
    }
    for (uint32_t c = 0; c < load->clients->n; c++)
        load->clients->client[c].in_flight = 0;
    uint64_t missed = path_missed(load->path);
    pace_start(&load->pace, now_ns(), load->plan.span_ns, load->plan.from, load->plan.to,
               load->plan.poisson, load->plan.bunch, load_random(load));
    pace_burst(&load->pace, load->plan.burst_every_ns, load->plan.burst_len_ns,
               load->plan.burst_factor, utc_now_ns());
    run(load);
    load->self.missed = path_missed(load->path) - missed;
    window_close(&load->window);
    return 0;
}
