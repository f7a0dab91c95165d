#include "perf/ke/ke_lane.h"

#include "perf/ke/ke_session.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 20,        // how often `stop` is read
    SLOW_ROUND_MS = 100, // limits new slow clients if a server closes them at once
    BURST = 32,          // sessions begun before the open ones are handled
};

static const uint64_t ms = 1000000, s = 1000000000;

static void end_full(struct ke_lane *lane, const struct ke_report *report)
{
    struct ke_load_result *r = &lane->part;
    const struct ke_times *t = &report->times;
    lane->open--;
    atomic_fetch_sub_explicit(&lane->run->open, 1, memory_order_relaxed);
    r->outcome[report->outcome]++;
    if (t->connected_ns)
        histogram_add(&r->connect, t->connected_ns - t->began_ns);
    if (t->handshake_ns)
        histogram_add(&r->handshake, t->handshake_ns - t->connected_ns);
    if (report->outcome == KE_OUTCOME_GRANTED) {
        histogram_add(&r->first_cookie, t->answered_ns - t->scheduled_ns);
        histogram_add(&lane->second.first_cookie, t->answered_ns - t->scheduled_ns);
        lane->second.granted++;
        r->granted++;
    } else if (report->outcome == KE_OUTCOME_LEFT) {
        r->aborted++;
    } else {
        if (r->failed++ == 0)
            r->failure = *report;
        lane->second.failed++;
    }
}

static void end_slow(struct ke_lane *lane, const struct ke_report *report)
{
    struct ke_load_result *r = &lane->part;
    lane->slow_open--;
    if (report->outcome == KE_OUTCOME_CUT) {
        r->slow_cut++;
        histogram_add(&r->slow_cut_after, report->times.ended_ns - report->times.began_ns);
    } else if (report->outcome == KE_OUTCOME_HELD) {
        r->slow_held++;
    } else {
        r->slow_failed++;
    }
}

static void done(void *context, const struct ke_report *report, const struct ke_grant *grant)
{
    (void)grant; // its keys are not used
    if (ke_kind_is_slow(report->kind))
        end_slow(context, report);
    else
        end_full(context, report);
}

// A number in (0, 1].
static double random_share(struct ke_lane *lane)
{
    lane->random = lane->random * 6364136223846793005 + 1442695040888963407;
    return ((double)(lane->random >> 11) + 1) / 9007199254740992.0;
}

// Equal gaps: the sessions go to the lanes in turn. Poisson: the streams of the lanes add up to a
// Poisson stream of the whole rate.
static void schedule_next(struct ke_lane *lane)
{
    const struct ke_load_plan *plan = lane->run->plan;
    if (plan->rate <= 0) {
        lane->next_ns = UINT64_MAX;
        return;
    }
    double offset;
    if (plan->poisson) {
        lane->due_ns -= log(random_share(lane)) * 1e9 * plan->threads / plan->rate;
        offset = lane->due_ns;
    } else {
        offset = ((double)lane->n_due * plan->threads + lane->index) * 1e9 / plan->rate;
    }
    lane->n_due++;
    lane->next_ns = lane->run->start_ns + (uint64_t)offset;
}

static enum ke_kind choose_kind(struct ke_lane *lane)
{
    lane->leaving += lane->run->plan->aborted;
    if (lane->leaving < 1)
        return KE_KIND_FULL;
    lane->leaving -= 1;
    return (enum ke_kind)(KE_KIND_LEAVE_CONNECT + lane->n_left++ % 3);
}

static void note_peak(struct ke_run *run)
{
    uint32_t open = 1 + atomic_fetch_add_explicit(&run->open, 1, memory_order_relaxed);
    uint32_t peak = atomic_load_explicit(&run->peak, memory_order_relaxed);
    while (open > peak && !atomic_compare_exchange_weak_explicit(
                              &run->peak, &peak, open, memory_order_relaxed, memory_order_relaxed))
        ;
}

static void begin_due(struct ke_lane *lane, uint64_t now, uint64_t end_ns)
{
    for (int i = 0; i < BURST && lane->next_ns <= now && lane->next_ns < end_ns; i++) {
        const uint64_t due = lane->next_ns;
        const enum ke_kind kind = choose_kind(lane);
        schedule_next(lane);
        if (lane->open == lane->max_open) {
            lane->part.not_sent++;
            continue;
        }
        lane->part.started++;
        lane->second.started++;
        lane->open++;
        note_peak(lane->run);
        histogram_add(&lane->part.lag, now - due);
        ke_engine_begin(lane->engine, kind, 0,
                        due); // it has room for max_open sessions and the slow ones
    }
}

static void keep_slow(struct ke_lane *lane, uint64_t now)
{
    if (lane->slow_open == lane->n_slow || now < lane->slow_round_ns)
        return;
    lane->slow_round_ns = now + SLOW_ROUND_MS * ms;
    for (uint32_t missing = lane->n_slow - lane->slow_open; missing > 0; missing--) {
        enum ke_kind kind = lane->part.slow_begun % 2 ? KE_KIND_SLOW_REQUEST : KE_KIND_SLOW_HELLO;
        lane->part.slow_begun++;
        lane->slow_open++;
        ke_engine_begin(lane->engine, kind, 0, now);
    }
}

static bool must_stop(const struct ke_load_plan *plan)
{
    return plan->stop && atomic_load_explicit(plan->stop, memory_order_relaxed);
}

static uint64_t time_to_wait(const struct ke_lane *lane, uint64_t now)
{
    uint64_t wait = LOOK_MS * ms;
    if (lane->next_ns > now && lane->next_ns - now < wait)
        wait = lane->next_ns - now;
    return lane->next_ns > now ? wait : 0;
}

static void run_to_end(struct ke_lane *lane)
{
    const struct ke_load_plan *plan = lane->run->plan;
    const uint64_t start = lane->run->start_ns, end = start + plan->duration_ns;
    for (;;) {
        const uint64_t now = ke_now_ns();
        const uint32_t at_s = now > start ? (uint32_t)((now - start) / s) : 0;
        if (at_s > lane->second.at_s)
            ke_seconds_pass(&lane->run->seconds, &lane->second, at_s);
        begin_due(lane, now, end);
        if (now < end)
            keep_slow(lane, now);
        if (lane->next_ns >= end)
            lane->next_ns = now < end ? end : UINT64_MAX;
        if (must_stop(plan) || (now >= end && lane->next_ns == UINT64_MAX && lane->open == 0))
            return;
        ke_engine_turn(lane->engine, time_to_wait(lane, now));
    }
}

static double thread_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void *ke_lane_run(void *context)
{
    struct ke_lane *lane = context;
    struct ke_load_result *r = &lane->part;
    pthread_setname_np(pthread_self(), "ke load");
    schedule_next(lane);
    run_to_end(lane);
    r->stopped = must_stop(lane->run->plan);
    r->unfinished = lane->open;
    r->slow_held += lane->slow_open;
    r->took_ns = ke_now_ns() - lane->run->start_ns;
    r->idle = (double)ke_engine_idle_ns(lane->engine) / (double)r->took_ns;
    r->idle = r->idle < 1 ? r->idle : 1; // the wait for the start is included
    r->cpu_s = thread_cpu_s();
    ke_seconds_pass(&lane->run->seconds, &lane->second, lane->second.at_s);
    return NULL;
}

// The share of n for one thread.
static uint32_t part_of(uint32_t n, uint32_t threads, uint32_t index)
{
    return n / threads + (index < n % threads);
}

int ke_lane_open(struct ke_lane *lane, struct ke_run *run, uint32_t index, char why[256])
{
    const struct ke_load_plan *plan = run->plan;
    struct ke_load_result *r = &lane->part;
    memset(lane, 0, sizeof *lane);
    lane->run = run;
    lane->index = index;
    lane->random = plan->seed ^ (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    lane->max_open = part_of(plan->max_open, plan->threads, index);
    lane->max_open += lane->max_open == 0; // each lane must be able to begin a session
    lane->n_slow = part_of(plan->n_slow, plan->threads, index);
    histogram_init(&lane->second.first_cookie);
    histogram_init(&r->first_cookie);
    histogram_init(&r->connect);
    histogram_init(&r->handshake);
    histogram_init(&r->lag);
    histogram_init(&r->slow_cut_after);
    struct ke_listener listener = {.done = done, .context = lane};
    return ke_engine_open(plan->target, lane->max_open + lane->n_slow, listener, &lane->engine,
                          why);
}

void ke_lane_close(struct ke_lane *lane)
{
    ke_engine_close(lane->engine);
    lane->engine = NULL;
}
