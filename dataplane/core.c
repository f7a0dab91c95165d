// A packet's life as a list of stages.
#include "dataplane/core.h"

#include "base/bytes.h"
#include "base/tsc.h"
#include "dataplane/clock/clock.h"
#include "dataplane/stage/account.h"
#include "dataplane/stage/admit.h"
#include "dataplane/stage/allow.h"
#include "dataplane/stage/classify.h"
#include "dataplane/stage/exchange.h"
#include "dataplane/stage/hint.h"
#include "dataplane/stage/identify.h"
#include "dataplane/stage/interleave.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/refuse.h"
#include "dataplane/stage/respond.h"
#include "dataplane/stage/turn_round.h"

#include <assert.h>
#include <string.h>

// Nothing is ever published here.
static const struct snapshot no_clock;

void core_open(struct core *core, const struct core_setup *setup)
{
    memset(core, 0, sizeof *core);
    core->is = *setup;
    if (core->is.own_clock == NULL)
        core->is.own_clock = &no_clock;
    core->state.state.leap = LEAP_UNKNOWN;
    core->work.kernels = setup->kernels;
    policy_take(setup->policy, &core->policy);
    assert(policy_held(&core->policy) != NULL);
    turn_time_start(&core->time, tsc_now());
    core->time.launches = port_launches(setup->port);
    core->time.trials = port_launch_is_tried(setup->port) ? TURN_TRIALS : 0;
    interleave_open(&core->interleave, setup->tables, setup->number, &core->receive_stamps);
    rng_init(&core->rng);
}

static uint64_t refused_records(const struct core *core)
{
    return core->keys.refused + core->state.refused + core->stamps.refused +
           core->own_clock.refused;
}

// Called rarely: control publishes a few times a second.
static __attribute__((noinline)) void take_news(struct core *core)
{
    uint64_t before = refused_records(core);
    if (keyring_refresh(core->is.keyring, &core->keys) && core->is.key_counters != NULL)
        key_counters_follow(core->is.key_counters, core->keys.id, core->keys.n, core->key_row);
    ntp_state_refresh(core->is.ntp_state, &core->state);
    stamp_line_refresh(core->is.stamps, &core->stamps);
    stamp_line_refresh(core->is.own_clock, &core->own_clock);
    interleave_follow(&core->interleave, core->state.state.generation, tsc_now());
    policy_take(core->is.policy, &core->policy);
    counter_add(&core->is.counters->records_refused, refused_records(core) - before);
}

void core_refresh(struct core *core)
{
    if (snapshot_moved(core->is.keyring, core->keys.seen) ||
        snapshot_moved(core->is.ntp_state, core->state.seen) ||
        snapshot_moved(core->is.stamps, core->stamps.seen) ||
        snapshot_moved(core->is.own_clock, core->own_clock.seen) ||
        policy_moved(core->is.policy, &core->policy))
        take_news(core);
}

void core_close(struct core *core)
{
    keyring_view_wipe(&core->keys);
    rng_wipe(&core->rng);
    bytes_wipe(&core->work, sizeof core->work);
}

// Remembers when earlier replies left, as far as the port knows by now.
static __attribute__((noinline)) void remember(struct core *c)
{
    struct port_departure departure[INTERLEAVE_PART_MAX];
    unsigned n = port_departures(c->is.port, departure, INTERLEAVE_PART_MAX);
    unsigned n_known = 0;
    c->promised -= n;
    for (unsigned i = 0; i < n; i++) {
        uint64_t left;
        ntp_time utc =
            turn_time_departed(&c->time, &c->state.state, &c->own_clock.line, &departure[i], &left);
        bool known = interleave_remember(&c->interleave, departure[i].ticket, utc, left, &c->rng);
        n_known += known;
        if (known && departure[i].hardware)
            counter_add(&c->is.counters->departures_hardware, 1);
        counter_add(known ? &c->is.counters->departures_known : &c->is.counters->departures_lost,
                    1);
    }
    if ((int64_t)(c->own_clock.line.until - c->time.poll_began) > 0)
        port_departed(c->is.port, n, n_known);
}

// Takes what the device says of the departure of a single frame.
static __attribute__((noinline)) void take_sample(struct core *c)
{
    struct core_counters *counters = c->is.counters;
    struct turn_told told = {0};
    int64_t error_ns;
    bool early;
    const int known = port_sampled(c->is.port, &told.own);
    if (known == 0)
        return;
    told.known = known > 0;
    told.tsc = tsc_now();
    const bool says = turn_time_sampled(&c->time, &c->own_clock.line, &told, &error_ns, &early);
    if (port_launches(c->is.port))
        port_launch_note(c->is.port, !c->time.launches    ? PORT_LAUNCH_REFUSED
                                     : c->time.trials > 0 ? PORT_LAUNCH_TRIED
                                                          : PORT_LAUNCH_USED);
    if (!says)
        return;
    counter_add(&counters->departures_sampled, 1);
    counter_add(&counters->departures_early, early);
    counter_add(&counters->departure_error[departure_error_bin(error_ns)], 1);
}

// Composes, verifies and seals the replies of those lanes once.
static struct proof compose(struct core *c, struct kinds requested, lane_set interleaved)
{
    struct batch *b = &c->batch;
    struct ntp_state aged;
    struct departures leave =
        turn_time_compose(&c->time, &c->state.state, &c->own_clock.line, tsc_now(),
                          lane_count(requested.plain), lane_count(kinds_nts(requested)), &aged);

    // The seal covers a reply's departure time, so the time is chosen before the request is
    // verified.
    respond(b, kinds_all(requested), &aged, leave, &c->rng, &c->receive_stamps);
    if (policy_held(&c->policy)->has_instance_id)
        identify(b, kinds_all(requested), policy_held(&c->policy)->instance_id);
    if (interleaved != 0)
        interleave_write(b, interleaved & kinds_all(requested));
    struct proof proof = exchange(b, requested, &c->keys, &c->rng, &c->work);
    if (interleaved != 0)
        interleave_undo(b, interleaved & proof.doubted);
    refuse(b, proof.doubted); // become NAKs
    if (proof.doubted != 0)
        hint(b, proof.doubted & b->nak[NAK_UNKNOWN_KEY], c->is.key_hints);
    if (b->kissed != 0)
        kiss(b, b->kissed & requested.plain);
    return proof;
}

static bool is_late(const struct core *c)
{
    return turn_time_is_late(&c->time, &c->state.state, tsc_now());
}

// Learns from the port's departure times: for the next plans, and for status.
static void note_departures(struct core *c, lane_set given, lane_set sent)
{
    struct core_counters *counters = c->is.counters;
    atomic_store_explicit(&counters->departure_ns, turn_time_departure_ns(&c->time),
                          memory_order_relaxed);
    int64_t error_ns;
    if (turn_time_sent(&c->time, &c->batch.burst, lane_count(given), lane_count(sent), &error_ns) &&
        !c->time.tells) // what the device tells counts instead of this estimate
        counter_add(&counters->departure_error[departure_error_bin(error_ns)], 1);
}

// True while the clock is not synchronised and the operator wants no replies then.
static bool is_silent(const struct core *c)
{
    return policy_held(&c->policy)->silent_unless_synchronised &&
           clock_is_marked(&c->state.state, c->time.arrived);
}

// The limits that are in force. settings NULL: none.
static struct admit_turn limits_now(const struct core *c)
{
    const struct admit_settings *settings = &policy_held(&c->policy)->limits;
    return (struct admit_turn){
        .settings =
            settings->on && c->is.admit != NULL && c->state.state.tsc_hz != 0 ? settings : NULL,
        .counters = c->is.counters,
        .tsc = c->time.arrived,
        .tsc_hz = c->state.state.tsc_hz,
        .full = c->time.backlog.n,
    };
}

// The results of the lanes that could be answered.
struct answers {
    lane_set interleaved; // answered with the departure of an earlier reply
    lane_set doubted;     // not genuine: answered with a NAK
    lane_set given;       // given to the port
    lane_set sent;        // sent by the port
    lane_set exact;       // whose departure the port will tell
};

// Answers a part of the burst: the replies that share one plan of departure times.
static void answer(struct core *c, const struct admit_turn *limits, struct kinds requested,
                   struct answers *answers)
{
    struct batch *b = &c->batch;
    struct proof proof = compose(c, requested, answers->interleaved);
    if (is_late(c)) { // once more: the requests are unchanged
        counter_add(&c->is.counters->composed_again, 1);
        proof = compose(c, requested, answers->interleaved);
    }
    if (limits->settings != NULL && kinds_nts(requested) != 0)
        proof = admit_proven(c->is.admit, limits, b, proof);
    lane_set given = turn_round(b, requested.plain | proof.given | proof.doubted);
    answers->doubted |= proof.doubted;
    if (turn_time_is_stale(&c->time, &c->state.state, tsc_now())) {
        b->ended[DROPPED_STALE] |= given;
        return;
    }
    if (given == 0)
        return;
    turn_time_schedule(&c->time, lane_count(given), &b->burst);
    b->burst.exact = 0;
    if (b->interleaved != 0)
        interleave_choose(&c->interleave, b, given & ~proof.doubted & ~b->kissed, requested.plain,
                          c->time.composed, c->state.state.tsc_hz);
    lane_set sent = port_tx(c->is.port, &b->burst, given);
    note_departures(c, given & ~b->burst.exact, sent & ~b->burst.exact);
    answers->given |= given;
    answers->sent |= sent;
    answers->exact |= sent & b->burst.exact;
    c->promised += lane_count(sent & b->burst.exact);
}

bool core_turn(struct core *c)
{
    struct batch *b = &c->batch;

    if (c->promised > 0)
        remember(c);
    if (c->time.sample.waiting)
        take_sample(c);
    turn_time_poll(&c->time, tsc_now());
    lane_set all = port_rx(c->is.port, &b->burst);
    turn_time_arrive(&c->time, tsc_now(), all != 0, b->burst.drained);
    if (all == 0)
        return false;
    core_refresh(c);
    memset(b->ended, 0, sizeof b->ended);
    memset(b->nak, 0, sizeof b->nak);
    b->kissed = b->older = 0;
    const struct turn_lines lines = {&c->stamps.line, &c->own_clock.line};
    const struct turn_stamps stamps =
        turn_time_moments(&c->time, &c->state.state, &lines, &b->burst, all, b->arrival);

    const struct policy *policy = policy_held(&c->policy);
    lane_set ntp = parse(b, all, port_addresses(c->is.port), policy_ports(policy));
    const lane_set nts_alone = policy->nts_port != 0 ? parse_to_port(b, ntp, policy->nts_port) : 0;
    ntp = allow(b, ntp, policy->sources);
    struct kinds requested = classify(b, ntp); // plain, secure, slow (legal, but unusual)
    if (policy->nts_only || nts_alone != 0)
        requested = demand_nts(b, requested, policy->nts_only ? all : nts_alone);
    requested = able(b, requested, c->keys.n != 0 && rng_ready(&c->rng), c->state.state.serving,
                     is_silent(c));
    const struct admit_turn admission = limits_now(c);
    if (admission.settings != NULL)
        requested = admit(c->is.admit, &admission, b, requested, &c->rng);
    c->work.jobs.sessions =
        admission.settings != NULL ? admit_sessions(c->is.admit, admission.settings) : NULL;
    account_clients(c->is.clients, b, kinds_all(requested) & ~b->kissed);

    struct answers answers = {0};
    if (b->interleaved != 0)
        answers.interleaved = interleave_find(&c->interleave, b, requested) & ~b->kissed;
    unsigned most = turn_time_part(&c->time, &c->state.state);
    for (lane_set rest = kinds_all(requested); rest != 0;) {
        lane_set part = lane_lowest(rest, most);
        answer(c, &admission, kinds_within(requested, part), &answers);
        rest &= ~part;
    }
    port_drop(c->is.port, &b->burst, all & ~answers.sent);

    const uint64_t sealed =
        account(c->is.counters, b, all, requested, answers.doubted, answers.given, answers.sent);
    if (nts_alone != 0)
        counter_add(&c->is.counters->to_nts_port, lane_count(nts_alone));
    if (b->ended[ANSWERED_NTS] != 0 && c->is.key_counters != NULL)
        account_keys(c->is.key_counters, c->key_row, c->keys.current, b, sealed);
    if (b->interleaved != 0)
        account_interleaved(c->is.counters, b, answers.interleaved, answers.exact);
    counter_add(&c->is.counters->stamps_refused, lane_count(stamps.refused));
    if (stamps.own != 0) {
        counter_add(&c->is.counters->stamps_hardware, lane_count(stamps.own));
        port_believed(c->is.port, lane_count(stamps.own));
    }
    counter_add(&c->is.counters->busy_cycles, tsc_now() - c->time.arrived);
    return true;
}
