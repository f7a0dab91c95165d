#include "perf/ke/ke_fill.h"

#include "perf/ke/ke_engine.h"
#include "perf/ke/ke_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    CONCURRENCY = 32,
    RETRIES = 10,
    RETRIES_AT_FIRST = 3,
    PROGRESS_MS = 100,
    PAUSE_MS = 50, // after the first failure; doubled after each further one
    PAUSE_DOUBLINGS = 5,
};

static const uint64_t ms = 1000000;

struct fill {
    const struct ke_fill_order *order;
    struct ke_engine *engine;
    double window;      // concurrent exchanges
    double window_max;  //
    uint64_t best_ns;   // the fastest exchange
    uint64_t next_ns;   // the earliest time of the next exchange
    uint64_t told_ns;   // the last report of progress
    uint64_t round_ns;  // when the last round of failures was counted
    uint32_t rounds;    // rounds of failures since the last grant
    uint32_t in_flight; //
    uint32_t granted;
    uint32_t failed;
    int result; // other than 0: the fill has ended
    char *why;
};

// Adapts the number of concurrent exchanges so that they do not wait for each other. A server may
// handle one at a time, like ntpsec's ntpd; exchanges in its queue would time out there.
static void learn_pace(struct fill *f, const struct ke_times *times)
{
    const uint64_t took = times->answered_ns - times->began_ns;
    f->best_ns = took < f->best_ns ? took : f->best_ns;
    if (took <= f->best_ns + f->best_ns / 2 + 50 * ms)
        f->window += 1;
    else if (took > 3 * f->best_ns + 100 * ms)
        f->window *= 0.9;
    f->window = f->window < 1 ? 1 : f->window > f->window_max ? f->window_max : f->window;
}

static bool is_hopeless(const struct ke_report *report)
{
    switch (report->outcome) {
    case KE_OUTCOME_TLS:
    case KE_OUTCOME_CERTIFICATE:
    case KE_OUTCOME_ALPN:
    case KE_OUTCOME_NO_COMMON:
    case KE_OUTCOME_MALFORMED:
        return true;
    case KE_OUTCOME_ERROR_RECORD:
        return report->code != 2; // an internal error may be temporary
    default:
        return false;
    }
}

static int errno_of(const struct ke_report *report)
{
    switch (report->outcome) {
    case KE_OUTCOME_REFUSED:
        return -ECONNREFUSED;
    case KE_OUTCOME_TIMED_OUT:
        return -ETIMEDOUT;
    case KE_OUTCOME_UNREACHABLE:
    case KE_OUTCOME_OWN_LIMIT:
        return report->error ? -report->error : -EIO;
    case KE_OUTCOME_CLOSED_EARLY:
        return -ECONNRESET;
    default:
        return -EPROTO;
    }
}

static void learn_failure(struct fill *f, const struct ke_report *report)
{
    const uint64_t now = report->times.ended_ns;
    if (f->failed++ == 0)
        ke_report_text(report, f->order->target, f->why);
    // Exchanges that were open at the same time and fail count as one round.
    if (report->times.began_ns >= f->round_ns) {
        f->round_ns = now;
        uint32_t doublings = f->rounds < PAUSE_DOUBLINGS ? f->rounds : PAUSE_DOUBLINGS;
        f->next_ns = now + ((uint64_t)PAUSE_MS << doublings) * ms;
        f->rounds++;
        f->window = f->window > 2 ? f->window / 2 : 1;
    }
    const uint32_t retries = f->order->retries ? f->order->retries : RETRIES;
    if (f->granted == 0 ? f->rounds >= RETRIES_AT_FIRST || is_hopeless(report)
                        : f->rounds > retries)
        f->result = errno_of(report);
}

static void done(void *context, const struct ke_report *report, const struct ke_grant *grant)
{
    struct fill *f = context;
    f->in_flight--;
    if (!grant) {
        learn_failure(f, report);
        return;
    }
    f->order->take(f->order->context, f->granted++, grant);
    f->rounds = 0;
    learn_pace(f, &report->times);
}

static void begin_more(struct fill *f, uint64_t now)
{
    while (f->in_flight < (uint32_t)f->window && f->granted + f->in_flight < f->order->n &&
           now >= f->next_ns && f->result == 0) {
        if (f->order->rate > 0)
            f->next_ns = now + (uint64_t)(1e9 / f->order->rate);
        f->in_flight++;
        if (!ke_engine_begin(f->engine, KE_KIND_FULL, 0, now)) {
            f->in_flight--;
            return;
        }
    }
}

static void tell_progress(struct fill *f, uint64_t now, bool at_last)
{
    if (!f->order->progress || (!at_last && now - f->told_ns < PROGRESS_MS * ms))
        return;
    f->told_ns = now;
    f->order->progress(f->order->context, f->granted, f->failed, f->order->n);
}

static void run(struct fill *f)
{
    while (f->result == 0 && f->granted < f->order->n) {
        const uint64_t now = ke_now_ns();
        if (f->order->stop && atomic_load_explicit(f->order->stop, memory_order_relaxed)) {
            f->result = -ECANCELED;
            snprintf(f->why, 512, "stopped after %u of %u key exchanges", f->granted, f->order->n);
            return;
        }
        begin_more(f, now);
        uint64_t wait = f->next_ns > now ? f->next_ns - now : 50 * ms;
        ke_engine_turn(f->engine, wait < 50 * ms ? wait : 50 * ms);
        tell_progress(f, ke_now_ns(), false);
    }
}

int ke_fill(const struct ke_fill_order *order, char why[512])
{
    why[0] = '\0';
    if (order->n == 0)
        return 0;
    struct fill f = {
        .order = order,
        .window = 1,
        .window_max = order->concurrency ? order->concurrency : CONCURRENCY,
        .best_ns = UINT64_MAX / 8,
        .why = why,
    };
    struct ke_listener listener = {.done = done, .context = &f};
    int result = ke_engine_open(order->target, (uint32_t)f.window_max, listener, &f.engine, why);
    if (result < 0)
        return result;
    why[0] = '\0';
    run(&f);
    tell_progress(&f, ke_now_ns(), true);
    ke_engine_close(f.engine);
    return f.result;
}
