// Arrival times, ageing, departure times, lateness.
#include "dataplane/clock/turn_time.h"

#include "dataplane/clock/arrival.h"
#include "dataplane/clock/clock.h"
#include "dataplane/clock/departed.h"
#include "dataplane/clock/launch.h"

#include <string.h>

void turn_time_start(struct turn_time *turn, uint64_t tsc)
{
    *turn = (struct turn_time){.poll_began = tsc, .arrived = tsc, .composed = tsc};
    backlog_start(&turn->backlog, tsc);
}

// The rate hardly ever changes, and a division is slow.
static void follow_rate(struct turn_time *turn, uint64_t tsc_hz)
{
    if (turn->tsc_hz == tsc_hz)
        return;
    turn->tsc_hz = tsc_hz;
    turn->ns_per_tick = NS_PER_S / (double)tsc_hz;
}

static uint32_t to_ns(const struct turn_time *turn, uint64_t ticks)
{
    double ns = (double)ticks * turn->ns_per_tick;
    return ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

// The arrival time of a frame without a stamp.
static struct moment polled_at(const struct turn_time *turn, const struct ntp_state *state)
{
    return (struct moment){clock_utc(&state->line, turn->arrived), to_ns(turn, turn->unsure),
                           MOMENT_POLL};
}

// Gives all lanes that moment, those without a frame too: in blocks of a constant length, which the
// compiler copies with vector instructions.
static void fill(struct moment moment[LANES], struct moment value)
{
    const struct moment block[] = {value, value, value, value};
    enum { N = sizeof block / sizeof block[0] };
    static_assert(LANES % N == 0, "all lanes are in whole blocks");
    for (unsigned i = 0; i < LANES; i += N)
        memcpy(&moment[i], block, sizeof block);
}

// By the kernel's stamps and by the poll. Returns the lanes whose stamps were refused.
static inline lane_set kernel_moments(struct turn_time *turn, const struct ntp_state *state,
                                      const struct stamp_line *line, const struct burst *burst,
                                      lane_set all, struct moment moment[LANES])
{
    follow_rate(turn, state->tsc_hz);
    lane_set stamped = burst->stamped & all;
    if (stamped == 0) {
        fill(moment, polled_at(turn, state));
        return 0;
    }
    const struct arrival_clock clock = arrival_clock_at(line, &state->line, turn->arrived);
    lane_set rest = stamped;
    const uint32_t error_ns =
        arrival_error_ns(&clock, burst->stamp[lane_take(&rest)]); // the oldest
    fill(moment, (struct moment){clock.utc, error_ns, MOMENT_STAMP});
    lane_set good = 0;
    unsigned n = lane_count(all); // they are the first ones
    for (unsigned i = 0; i < n; i++)
        good |= (lane_set)arrival_utc(&clock, burst->stamp[i], &moment[i].utc) << i;
    good &= stamped;
    uint64_t unsure = (uint64_t)(error_ns * clock.ticks_per_ns) + 1;
    if (good == all) {
        turn->unsure = unsure;
        return 0;
    }
    for (rest = all & ~good; rest != 0;)
        moment[lane_take(&rest)] = polled_at(turn, state);
    if (good != 0 && turn->unsure < unsure)
        turn->unsure = unsure;
    return stamped & ~good;
}

// The moment by the device's stamp; `witness` is that of the kernel's stamp, or of the poll. False:
// the stamp is refused.
static bool own_moment(const struct arrival_clock *clock, uint64_t stamp,
                       const struct moment *witness, struct moment *moment)
{
    struct moment own = {.source = MOMENT_OWN};
    if (!arrival_utc(clock, stamp, &own.utc))
        return false;
    // The poll is in arrival_utc: that lets no stamp be later.
    const bool by_poll = witness->source == MOMENT_POLL;
    const uint64_t doubt_ns = by_poll ? 0 : witness->error_ns;
    int64_t gap = (int64_t)((by_poll ? clock->utc : witness->utc) - own.utc);
    if (gap < -(int64_t)ntp_time_span((uint32_t)(clock->slack + doubt_ns)))
        return false;
    if (gap > (int64_t)ntp_time_span(TURN_GAP_MAX_MS * 1000000U))
        return false;
    if (gap < 0) { // within the errors
        own.utc = witness->utc;
        gap = 0;
    }
    const uint64_t gap_ns = (uint64_t)((double)gap * (NS_PER_S / 4294967296.0)) + 1 + doubt_ns;
    const uint64_t error_ns = arrival_error_ns(clock, stamp);
    const uint64_t most = gap_ns > error_ns ? gap_ns : error_ns;
    own.error_ns = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
    *moment = own;
    return true;
}

// The lanes with a stamp of the device's, once they have the moments of their witnesses. Out of
// line: most ports have none.
static __attribute__((noinline)) void
own_moments(struct turn_time *turn, const struct ntp_state *state, const struct stamp_line *line,
            const struct burst *burst, lane_set all, struct moment moment[LANES],
            struct turn_stamps *stamps)
{
    const struct arrival_clock clock = arrival_clock_at(line, &state->line, turn->arrived);
    uint32_t error_ns = 0;
    for (lane_set rest = burst->hardware & all; rest != 0;) {
        const unsigned lane = lane_take(&rest);
        if (!own_moment(&clock, burst->own[lane], &moment[lane], &moment[lane])) {
            stamps->refused |= lane_bit(lane);
            continue;
        }
        stamps->own |= lane_bit(lane);
        if (error_ns < moment[lane].error_ns)
            error_ns = moment[lane].error_ns;
    }
    const uint64_t unsure = (uint64_t)(error_ns / turn->ns_per_tick) + 1;
    if (stamps->own == all || (stamps->own != 0 && turn->unsure < unsure))
        turn->unsure = unsure;
}

struct turn_stamps turn_time_moments(struct turn_time *turn, const struct ntp_state *state,
                                     const struct turn_lines *lines, const struct burst *burst,
                                     lane_set all, struct moment moment[LANES])
{
    struct turn_stamps stamps = {
        .refused = kernel_moments(turn, state, lines->kernel, burst, all, moment),
    };
    if ((burst->hardware & all) != 0)
        own_moments(turn, state, lines->own, burst, all, moment, &stamps);
    return stamps;
}

unsigned turn_time_part(const struct turn_time *turn, const struct ntp_state *state)
{
    const bool launched = turn->launch != 0; // the part before, and so this one, nearly always
    return launched ? LANES : departure_part(&turn->departure, state->tsc_hz, turn->haste);
}

// Plans that the device waits. False: the line of its clock does not hold until then.
static bool plan_launch(struct turn_time *turn, const struct ntp_state *state,
                        const struct stamp_line *own, unsigned n_plain, unsigned n_nts)
{
    turn->plan = departure_plan_launch(&turn->departure, state->tsc_hz, n_plain, n_nts);
    turn->launch = launch_at(own, turn->composed + turn->plan.ready);
    return turn->launch != 0;
}

static uint64_t ticks(const struct ntp_state *state, uint64_t ns)
{
    return state->tsc_hz / 1000000 * ns / 1000;
}

// The same plan as without launch times, and a launch time behind it.
static void plan_trial(struct turn_time *turn, const struct ntp_state *state,
                       const struct stamp_line *own)
{
    const struct departure_plan *plan = &turn->plan;
    turn->trial_tsc = turn->composed + plan->ready + plan->lead +
                      (plan->n_plain + plan->n_nts) * plan->pace + ticks(state, TURN_TRIAL_NS);
    turn->trial = launch_at(own, turn->trial_tsc);
}

struct departures turn_time_compose(struct turn_time *turn, const struct ntp_state *state,
                                    const struct stamp_line *own, uint64_t tsc, unsigned n_plain,
                                    unsigned n_nts, struct ntp_state *aged)
{
    turn->composed = tsc;
    turn->launch = turn->trial = 0;
    const bool tries = turn->launches && turn->trials > 0;
    if (!turn->launches || tries || !plan_launch(turn, state, own, n_plain, n_nts))
        turn->plan = departure_plan(&turn->departure, state->tsc_hz, n_plain, n_nts, turn->haste);
    if (tries)
        plan_trial(turn, state, own);
    *aged = clock_aged(state, tsc, turn->unsure);
    uint64_t leaves = tsc + turn->plan.ready + turn->plan.lead;
    ntp_time first = clock_utc(&state->line, leaves);
    return (struct departures){
        .first = first,
        .each = clock_utc(&state->line, leaves + turn->plan.pace) - first,
    };
}

bool turn_time_is_late(const struct turn_time *turn, const struct ntp_state *state, uint64_t tsc)
{
    uint64_t most = turn->plan.ready + state->tsc_hz / 1000000 * TURN_LATE_US;
    if (turn->launch != 0)
        most = turn->plan.ready - state->tsc_hz / 1000000 * DEPARTURE_POST_NS / 1000;
    return tsc - turn->composed > most;
}

bool turn_time_is_stale(const struct turn_time *turn, const struct ntp_state *state, uint64_t tsc)
{
    return clock_is_stale(state, tsc - turn->composed);
}

void turn_time_schedule(const struct turn_time *turn, unsigned n_answers, struct burst *burst)
{
    const struct departure_plan *plan = &turn->plan;
    unsigned missing = plan->n_plain + plan->n_nts - n_answers;
    burst->not_before = turn->composed + plan->ready + missing * plan->pace;
    burst->together = (uint16_t)plan->together;
    burst->pace = plan->pace;
    burst->launch = turn->launch;
    burst->launch_trial = turn->trial;
}

uint64_t turn_time_departure_ns(const struct turn_time *turn)
{
    return to_ns(turn, turn->plan.ready + turn->plan.lead);
}

ntp_time turn_time_departed(const struct turn_time *turn, const struct ntp_state *state,
                            const struct stamp_line *own, const struct port_departure *departure,
                            uint64_t *left)
{
    return departed_utc(&state->line, own, turn->ns_per_tick, departure, left);
}

// The share of a frame's own time in a send call that is over when the frame has left. It serves
// when only the begin and the end of the call are known. Measured on a veth with the peer's stamps.
#define LEFT 0.6

static void note_trial(struct turn_time *turn, const struct burst *burst)
{
    const uint64_t post = (uint64_t)(TURN_TRIAL_POST_NS / turn->ns_per_tick);
    turn->sample = (struct turn_sample){
        .waiting = true,
        .trial = true,
        .in_time = (int64_t)(turn->trial_tsc - post - burst->tx_ended) >= 0,
        .launched = true,
        .began = burst->tx_last,
        .said = turn->trial_tsc,
    };
}

static void note_sample(struct turn_time *turn, const struct burst *burst, unsigned n_sent)
{
    const struct departure_plan *plan = &turn->plan;
    if (turn->trial != 0) {
        note_trial(turn, burst);
        return;
    }
    const unsigned first = plan->together == 1 ? n_sent - 1 : 0; // of the last call
    turn->sample = (struct turn_sample){
        .waiting = true,
        .launched = turn->launch != 0,
        .began = burst->tx_last,
        .said = turn->launch != 0 ? turn->composed + plan->ready
                                  : burst->not_before + plan->lead + first * plan->pace,
    };
}

static void fail_trial(struct turn_time *turn)
{
    if (++turn->trials_failed == TURN_TRIALS_FAILED)
        turn->launches = false;
}

// The frame of a trial has left so long before its launch time.
static void judge_trial(struct turn_time *turn, double early_ns, double doubt_ns)
{
    if (early_ns > doubt_ns)
        turn->launches = false;
    else if (!turn->sample.in_time)
        return;
    else if (-early_ns > TURN_TRIAL_LATE_NS + 2 * doubt_ns)
        fail_trial(turn);
    else if (turn->trials > 0) {
        turn->trials--;
        turn->trials_failed = 0;
    }
}

bool turn_time_sampled(struct turn_time *turn, const struct stamp_line *own_line,
                       const struct turn_told *told, int64_t *error_ns, bool *early)
{
    const struct turn_sample *sample = &turn->sample;
    turn->sample.waiting = false;
    if (!told->known && sample->trial)
        fail_trial(turn);
    if (!told->known || own_line->rate == 0 || turn->ns_per_tick == 0)
        return false;
    const uint64_t left = launch_left(own_line, told->own);
    if ((int64_t)(own_line->until - left) <= 0)
        return false;
    const double doubt_ns = launch_error_ns(own_line, left) + 1;
    const double error = (double)(int64_t)(sample->said - left) * turn->ns_per_tick;
    const double after_ns = (double)(int64_t)(left - sample->began) * turn->ns_per_tick;
    const double until_ns = (double)(int64_t)(told->tsc - left) * turn->ns_per_tick;
    if (after_ns < -doubt_ns || until_ns < -doubt_ns) { // another frame's, or of another clock
        if (sample->trial)
            fail_trial(turn);
        return false;
    }
    if (sample->trial) {
        judge_trial(turn, error, doubt_ns);
        return false;
    }
    turn->tells = true;
    *error_ns = (int64_t)error;
    *early = error > doubt_ns;
    if (!sample->launched)
        departure_learn_left(&turn->departure, (after_ns - doubt_ns) / turn->ns_per_tick);
    else if (*early)
        turn->launches = false;
    return true;
}

bool turn_time_sent(struct turn_time *turn, const struct burst *burst, unsigned n_answers,
                    unsigned n_sent, int64_t *error_ns)
{
    const struct departure_plan *plan = &turn->plan;
    departure_learn_composing(&turn->departure, plan, burst->tx_ready - turn->composed);
    if (n_sent == 0 || n_sent != n_answers || turn->ns_per_tick == 0)
        return false; // the queue was full
    if (burst->sampled && !turn->sample.waiting)
        note_sample(turn, burst, n_sent);
    unsigned n = n_sent;
    unsigned in_a_call = plan->together == 1 ? 1 : n;
    departure_learn_sending(&turn->departure, in_a_call, (double)burst->tx_busy / n);

    if (turn->launch != 0) { // it left at its time, unless the device got it later
        const int64_t late = (int64_t)(burst->tx_ended - (turn->composed + plan->ready));
        *error_ns = late > 0 ? -(int64_t)((double)late * turn->ns_per_tick) : 0;
        return true;
    }

    // The last frame, measured from the end of the last call.
    double said =
        (double)(int64_t)(burst->not_before + plan->lead + (n - 1) * plan->pace - burst->tx_ended);
    double took = (double)(burst->tx_ended - burst->tx_last) / in_a_call;
    *error_ns = (int64_t)((said + took * (1 - LEFT)) * turn->ns_per_tick);
    return true;
}
