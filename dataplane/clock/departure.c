// Quantiles of the measured costs, robust against preemption.
#include "dataplane/clock/departure.h"

#include "base/ntp_time.h"
#include "dataplane/port/burst.h"

#include <stdbool.h>

// Composing: the share of parts that are ready in time.
#define CALM_SHARE 0.97
#define BUSY_SHARE 0.1

// Sending: the share of calls that are faster than the pace.
#define PACE_SHARE 0.75
#define TOGETHER_SHARE 0.5

// A frame has left when at least this share of its send time is over, because the device must first
// be given the frame. The work after it has left (on a veth: the peer's softirq) does not count.
#define LEAD_SHARE 0.12

// The least cost is believed after so many measurements: a core that is held up, or has just begun,
// may measure only long calls at first, and too long a lead would break containment.
#define LEAST_TRIALS 256

// It rises by this much when it is not measured again: slowly, because a core that is held up
// measures greater costs for seconds.
#define STEP_LEAST (1.0 / 65536)

// The step by which a quantile follows: one measurement moves it by this much.
#define STEP (1.0 / 64)

// A cost of this many times the expected one means that the core was held up by other work, unless
// it happens often: it raises a high quantile only by a small step.
#define FAR 4
#define FAR_SHARE 0.2

// The greatest size that is not greater than n.
static unsigned size_of(unsigned n)
{
    return 31 - (unsigned)__builtin_clz(n | 1);
}

// The size that is nearest to n.
static unsigned nearest(unsigned n)
{
    unsigned size = size_of(n);
    return 2 * n > 3U << size ? size + 1 : size;
}

// A size that has not been measured often takes the value of the nearest smaller size, else of any
// size. One measurement alone may be an outlier, and the port would wait that long.
static double known(const struct departure_cost cost[DEPARTURE_SIZES], unsigned size)
{
    for (unsigned i = size + 1; i-- > 0;) {
        if (cost[i].n == DEPARTURE_TRIALS)
            return cost[i].ticks;
    }
    for (unsigned i = size + 1; i < DEPARTURE_SIZES; i++) {
        if (cost[i].n == DEPARTURE_TRIALS)
            return cost[i].ticks;
    }
    return 0;
}

// Interpolates between two sizes.
static double expected(const struct departure_cost cost[DEPARTURE_SIZES], unsigned n)
{
    unsigned size = size_of(n);
    unsigned beyond = n - (1U << size);
    double here = known(cost, size);
    if (beyond == 0)
        return here;
    return here + (known(cost, size + 1) - here) * beyond / (double)(1U << size);
}

// True for one of the first measurements: the least of them is used.
static bool is_trial(struct departure_cost *cost, double ticks)
{
    if (cost->n == DEPARTURE_TRIALS)
        return false;
    if (cost->n == 0 || ticks < cost->ticks)
        cost->ticks = ticks;
    cost->n++;
    return true;
}

static void learn_least(struct departure_cost *cost, double ticks)
{
    double risen = cost->ticks * (1 + STEP_LEAST);
    cost->ticks = ticks < risen || cost->n == 0 ? ticks : risen;
    cost->n += cost->n < LEAST_TRIALS;
}

// Moves a cost towards the value that `share` of the measurements are below. is_less: this
// measurement was below the expected one.
static void learn(struct departure_cost *cost, double ticks, bool is_less, double share)
{
    if (is_trial(cost, ticks))
        return;
    if (ticks > cost->ticks * FAR && share > FAR_SHARE)
        share = FAR_SHARE;
    double by = cost->ticks * STEP + 1; // + 1 so that a cost of 0 can grow
    cost->ticks += is_less ? -(1 - share) * by : share * by;
    if (cost->ticks < 0)
        cost->ticks = 0;
}

static double measured(const struct departure_cost *cost)
{
    return cost->n == DEPARTURE_TRIALS ? cost->ticks : 0;
}

// How long after its send call begins a frame leaves, at least: measured by a device that stamps
// departures, otherwise a share of the shortest call.
static uint64_t lead(const struct departure *d)
{
    if (d->left.full)
        return d->left.ticks > 0 ? (uint64_t)d->left.ticks : 0;
    return d->least.n == LEAST_TRIALS ? (uint64_t)(d->least.ticks * LEAD_SHARE) : 0;
}

static bool is_slow(const struct departure *d, uint64_t tsc_hz)
{
    double slow = (double)tsc_hz * ((double)DEPARTURE_SLOW_NS / NS_PER_S);
    return measured(&d->pace) > slow || measured(&d->together) > slow;
}

unsigned departure_part(const struct departure *d, uint64_t tsc_hz, enum departure_haste haste)
{
    if (!is_slow(d, tsc_hz))
        return LANES;
    return haste == DEPARTURE_PRESSED ? DEPARTURE_PART_PRESSED : DEPARTURE_PART;
}

struct departure_plan departure_plan(const struct departure *d, uint64_t tsc_hz, unsigned n_plain,
                                     unsigned n_nts, enum departure_haste haste)
{
    const struct departure_composing *composing = haste == DEPARTURE_CALM ? &d->calm : &d->busy;
    double plain = n_plain > 0 ? expected(composing->plain, n_plain) : 0;
    double nts = n_nts > 0 ? expected(composing->nts, n_nts) : 0;
    unsigned n = n_plain + n_nts;
    bool has_time = haste == DEPARTURE_CALM || (haste == DEPARTURE_BUSY && n <= DEPARTURE_APART);
    bool apart = has_time && is_slow(d, tsc_hz);
    return (struct departure_plan){
        .n_plain = n_plain,
        .n_nts = n_nts,
        .haste = haste,
        .plain = plain,
        .nts = nts,
        .ready = (uint64_t)(plain + nts),
        .pace = apart ? (uint64_t)measured(&d->pace) : 0,
        .lead = lead(d),
        .together = apart ? 1 : n,
    };
}

struct departure_plan departure_plan_launch(const struct departure *d, uint64_t tsc_hz,
                                            unsigned n_plain, unsigned n_nts)
{
    const struct departure_composing *calm = &d->calm;
    const double plain = n_plain > 0 ? expected(calm->plain, n_plain) : 0;
    const double nts = n_nts > 0 ? expected(calm->nts, n_nts) : 0;
    return (struct departure_plan){
        .n_plain = n_plain,
        .n_nts = n_nts,
        .haste = DEPARTURE_CALM, // learned with those
        .plain = plain,
        .nts = nts,
        .ready = (uint64_t)(plain + nts) + tsc_hz / 1000000 * DEPARTURE_LAUNCH_NS / 1000,
        .together = n_plain + n_nts,
    };
}

void departure_learn_composing(struct departure *d, const struct departure_plan *plan,
                               uint64_t ticks)
{
    bool calm = plan->haste == DEPARTURE_CALM;
    struct departure_composing *composing = calm ? &d->calm : &d->busy;
    double share = calm ? CALM_SHARE : BUSY_SHARE;
    double took = (double)ticks;
    if (plan->n_nts == 0) {
        learn(&composing->plain[nearest(plan->n_plain)], took, took < plan->plain, share);
        return;
    }
    double besides = took > plan->plain ? took - plan->plain : 0;
    learn(&composing->nts[nearest(plan->n_nts)], besides, besides < plan->nts, share);
}

void departure_learn_sending(struct departure *d, unsigned n, double ticks)
{
    if (n > 1) {
        learn(&d->together, ticks, ticks < d->together.ticks, TOGETHER_SHARE);
        return;
    }
    learn(&d->pace, ticks, ticks < d->pace.ticks, PACE_SHARE);
    learn_least(&d->least, ticks);
}

void departure_learn_left(struct departure *d, double ticks)
{
    struct departure_floor *floor = &d->left;
    if (floor->n == 0 || ticks < floor->next)
        floor->next = ticks;
    if (floor->full && ticks < floor->ticks)
        floor->ticks = ticks;
    if (++floor->n < DEPARTURE_SAMPLES)
        return;
    floor->ticks = floor->next;
    floor->full = true;
    floor->n = 0;
}
