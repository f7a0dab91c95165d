// A packet's life as a list of stages.
#include "dataplane/core.h"

#include "board/tsc.h"
#include "crypto/bytes.h"
#include "dataplane/clock/clock.h"
#include "dataplane/stage/account.h"
#include "dataplane/stage/classify.h"
#include "dataplane/stage/exchange.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/refuse.h"
#include "dataplane/stage/respond.h"
#include "dataplane/stage/turn_round.h"

#include <string.h>

void core_open(struct core *core, const struct core_setup *setup)
{
    memset(core, 0, sizeof *core);
    core->is = *setup;
    core->state.state.leap = LEAP_UNKNOWN;
    core->work.variant = setup->variant;
    backlog_start(&core->backlog, tsc_now());
    rng_init(&core->rng);
}

void core_refresh(struct core *core)
{
    keyring_refresh(core->is.keyring, &core->keys);
    ntp_state_refresh(core->is.ntp_state, &core->state);
}

void core_close(struct core *core)
{
    keyring_view_wipe(&core->keys);
    rng_wipe(&core->rng);
    bytes_wipe(&core->work, sizeof core->work);
}

// Software's arrival time is the moment at which the port was seen to hold the frames. Lanes that
// hold none get it too, for a loop whose length is known writes several at a time.
static void stamp(struct batch *batch, ntp_time arrival)
{
    for (unsigned i = 0; i < LANES; i++)
        batch->arrival[i] = arrival;
}

// Composes, proves and seals the replies of those lanes once, to leave as foretold from now.
static struct proof compose(struct core *c, struct kinds asked, uint64_t unsure, uint64_t ahead)
{
    struct batch *b = &c->batch;
    const struct ntp_state *state = &c->state.state;
    c->composed_tsc = tsc_now();
    struct ntp_state aged = clock_aged(state, c->composed_tsc, unsure);
    ntp_time departure = clock_utc(&state->line, c->composed_tsc + ahead);

    // A reply's departure time lies under its seal, so it is composed before anything is proven.
    respond(b, asked.plain | asked.secure | asked.slow, &aged, departure, &c->rng);
    struct proof proof = exchange(b, asked, &c->keys, &c->rng, &c->work);
    refuse(b, proof.doubted); // rewritten into NAKs
    return proof;
}

// Was the core taken off its CPU since it composed? Then what the replies say of their departure is
// wrong (F30).
static bool is_late(const struct core *c)
{
    return clock_is_stale(&c->state.state, tsc_now() - c->composed_tsc);
}

// What was foretold against what it took.
static void note_cost(struct core *c, unsigned class)
{
    departure_learn(&c->departure, class, tsc_now() - c->composed_tsc);
    double ns = (double)departure_expect(&c->departure, class) * 1e9;
    atomic_store_explicit(&c->is.counters->departure_ns,
                          (uint64_t)(ns / (double)c->state.state.tsc_hz), memory_order_relaxed);
}

bool core_turn(struct core *c)
{
    struct batch *b = &c->batch;

    uint64_t asked_tsc = tsc_now();
    lane_set all = port_rx(c->is.port, b);
    uint64_t arrived = c->arrived_tsc = tsc_now();
    uint64_t unsure = arrived - c->backlog.since; // they came at some time in between
    backlog_note(&c->backlog, asked_tsc, b->drained);
    if (all == 0)
        return false;
    core_refresh(c);
    memset(b->ended, 0, sizeof b->ended);
    stamp(b, clock_utc(&c->state.state.line, arrived));

    lane_set ntp = parse(b, all, port_addresses(c->is.port), c->is.udp_port);
    struct kinds asked = classify(b, ntp); // plain, secure, slow (legal, but of an unusual shape)
    asked = able(b, asked, c->keys.n != 0 && rng_ready(&c->rng), c->state.state.serving);

    unsigned class =
        departure_class(lane_count(asked.plain), lane_count(asked.secure | asked.slow));
    uint64_t ahead = departure_expect(&c->departure, class);
    struct proof proof = compose(c, asked, unsure, ahead);
    if (is_late(c)) // once more: the requests are untouched
        proof = compose(c, asked, unsure, ahead);
    lane_set answer = turn_round(b, asked.plain | proof.given | proof.doubted);
    if (is_late(c)) {
        b->ended[DROPPED_STALE] |= answer;
        answer = 0;
    }

    lane_set sent = 0;
    if (answer != 0) {
        sent = port_tx(c->is.port, b, answer);
        note_cost(c, class);
    }
    port_drop(c->is.port, b, all & ~sent);

    account(c->is.counters, b, all, asked, proof.doubted, answer, sent);
    counter_add(&c->is.counters->busy_cycles, tsc_now() - arrived);
    return true;
}
