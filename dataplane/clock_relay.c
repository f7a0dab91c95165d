// From control's clock state to the cores'.
#include "dataplane/clock_relay.h"

#include "base/log.h"
#include "base/tsc.h"
#include "dataplane/clock/belief.h"
#include "dataplane/clock/clock.h"
#include "dataplane/clock/smeared.h"

#include <time.h>

// When the clock is stepped, it is wrong until control has noticed the step, which it does within
// 200 ms and logs itself. So the log waits for several doubts in a row; replies say LI 3 from the
// first doubt on.
enum { DOUBTS_SAID = 300 / CLOCK_RELAY_MS };

enum { SLEW_PPM = 5000 }; // what chronyd may slew by is no step

static uint64_t read_tsc(void *self)
{
    (void)self;
    return tsc_now_ordered();
}

static int64_t read_utc(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void say_doubt(enum belief belief, double off_ns)
{
    static struct log_limit limit;
    static const char *const words[] = {
        [BELIEF_OFF] = "is off CLOCK_REALTIME",
        [BELIEF_RATE] = "has a rate that this machine's counter does not have",
        [BELIEF_AGE] = "is too old or in the future",
    };
    log_limited(&limit, LOG_LEVEL_ERROR,
                "the clock that control published %s (by %+.6f s): replies say LI 3 until it is "
                "right again",
                words[belief], off_ns / NS_PER_S);
}

struct verdict {
    bool doubted;
    bool smear_doubted; // the time of ports that smear
};

// Does the state claim to be right, to the clients of any port?
static bool claims(const struct ntp_state *state)
{
    const bool smear_claims = state->smear_state == SMEAR_ON && state->smear_leap != LEAP_UNKNOWN;
    return state->serving && (state->leap != LEAP_UNKNOWN || smear_claims);
}

// Is the clock wrong now? Logs a line when the verdict has changed for long enough.
static struct verdict doubts(struct clock_relay *relay)
{
    const struct ntp_state *state = &relay->view.state;
    double off_ns = 0;
    enum belief belief = BELIEF_RIGHT;
    bool crossing = false; // a leap second
    if (claims(state)) {
        struct time_sample now =
            time_sample_take(&(struct time_readers){.tsc = read_tsc, .ns = read_utc});
        belief = belief_judge(state, &now, relay->stamps->fit.line.ns_per_tick, &off_ns);
        crossing = belief == BELIEF_OFF && smeared_explains(state, now.tsc, off_ns);
    }
    if (belief == BELIEF_RIGHT) {
        if (relay->doubts >= DOUBTS_SAID)
            log_info("the clock that control publishes is right again");
        relay->doubts = 0;
        return (struct verdict){0};
    }
    if (++relay->doubts >= DOUBTS_SAID)
        say_doubt(belief, off_ns);
    return (struct verdict){.doubted = true, .smear_doubted = !crossing};
}

// Units of 2^-32 s between two times, whichever is later.
static uint64_t distance(ntp_time a, ntp_time b)
{
    int64_t by = (int64_t)(a - b);
    return (uint64_t)(by < 0 ? -by : by);
}

// Has the clock been stepped between the two? Control counts the steps that it has noticed, but one
// that was started anew counts from 0. Then the lines tell it: a slew moves a clock by less.
static bool is_step(const struct ntp_state *before, const struct ntp_state *after)
{
    const uint64_t tsc = after->line.tsc_base;
    const ntp_time foreseen = clock_utc(&before->line, tsc);
    const uint64_t age = distance(foreseen, before->line.utc_base);
    const uint64_t slew = ntp_time_span(TIME_FIT_SLACK_NS) + age / 1000000 * SLEW_PPM;
    return before->steps != after->steps || before->serving != after->serving ||
           distance(clock_utc(&after->line, tsc), foreseen) > slew;
}

static void pass_on(struct clock_relay *relay)
{
    struct ntp_state state = relay->view.state;
    state.generation = relay->generation;
    if (relay->doubted)
        state.leap = LEAP_UNKNOWN;
    ntp_state_publish(&relay->board->ntp_state, &state);
    struct ntp_state with_smear = smeared(&relay->view.state);
    with_smear.generation = relay->smear_generation;
    if (relay->smear_doubted)
        with_smear.leap = LEAP_UNKNOWN;
    ntp_state_publish(&relay->board->ntp_state_smeared, &with_smear);
    atomic_store_explicit(&relay->board->clock_doubted, relay->doubted, memory_order_relaxed);
}

static void say_refused(void)
{
    static struct log_limit limit;
    log_limited(
        &limit, LOG_LEVEL_ERROR,
        "control published a clock that is out of range: it is ignored, and the previous one is "
        "still served; please report this");
}

static void count_steps(struct clock_relay *relay, const struct ntp_state *before)
{
    const struct ntp_state smeared_before = smeared(before);
    const struct ntp_state smeared_after = smeared(&relay->view.state);
    relay->generation += is_step(before, &relay->view.state);
    relay->smear_generation += is_step(&smeared_before, &smeared_after);
}

void clock_relay_turn(struct clock_relay *relay)
{
    uint64_t refused = relay->view.refused;
    const struct ntp_state before = relay->view.state;
    bool news = ntp_state_refresh(relay->from, &relay->view);
    if (news)
        count_steps(relay, &before);
    if (relay->view.refused != refused)
        say_refused();
    relay->has_state |= news;
    if (!relay->has_state)
        return;
    const struct verdict verdict = doubts(relay);
    if (!news && verdict.doubted == relay->doubted && verdict.smear_doubted == relay->smear_doubted)
        return;
    relay->doubted = verdict.doubted;
    relay->smear_doubted = verdict.smear_doubted;
    pass_on(relay);
}

void clock_relay_open(struct clock_relay *relay, const struct snapshot *from,
                      struct board_dataplane *board, const struct stamp_clock *stamps)
{
    *relay = (struct clock_relay){.from = from, .board = board, .stamps = stamps};
    atomic_store_explicit(&board->clock_doubted, 0,
                          memory_order_relaxed); // the predecessor's value
    clock_relay_turn(relay);
}
