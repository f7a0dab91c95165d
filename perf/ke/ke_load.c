#include "perf/ke/ke_load.h"

#include "perf/ke/ke_lane.h"
#include "perf/ke/ke_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE_SECONDS = 3 };

static const uint64_t start_in_ns = 10000000; // so that all threads have started

static void merge(struct ke_load_result *into, const struct ke_load_result *from)
{
    into->stopped |= from->stopped;
    into->started += from->started;
    into->not_sent += from->not_sent;
    into->granted += from->granted;
    into->aborted += from->aborted;
    if (into->failed == 0 && from->failed > 0)
        into->failure = from->failure;
    into->failed += from->failed;
    into->unfinished += from->unfinished;
    for (int i = 0; i < KE_OUTCOME_COUNT; i++)
        into->outcome[i] += from->outcome[i];
    histogram_merge(&into->first_cookie, &from->first_cookie);
    histogram_merge(&into->connect, &from->connect);
    histogram_merge(&into->handshake, &from->handshake);
    histogram_merge(&into->lag, &from->lag);
    into->slow_begun += from->slow_begun;
    into->slow_cut += from->slow_cut;
    into->slow_held += from->slow_held;
    into->slow_failed += from->slow_failed;
    histogram_merge(&into->slow_cut_after, &from->slow_cut_after);
    into->took_ns = from->took_ns > into->took_ns ? from->took_ns : into->took_ns;
    into->cpu_s += from->cpu_s;
    into->idle = from->idle < into->idle ? from->idle : into->idle;
}

// A run lasts its duration and then the deadline of the last session.
static uint32_t seconds_of(const struct ke_load_plan *plan)
{
    const uint64_t deadline =
        plan->target->deadline_ns ? plan->target->deadline_ns : KE_DEADLINE_MS * UINT64_C(1000000);
    return (uint32_t)((plan->duration_ns + deadline) / 1000000000) + SPARE_SECONDS;
}

static int run_lanes(struct ke_run *run, struct ke_lane *lanes, char why[256])
{
    const uint32_t threads = run->plan->threads;
    uint32_t started = 0;
    int result = 0;
    for (uint32_t i = 0; i < threads && result == 0; i++)
        result = ke_lane_open(&lanes[i], run, i, why);
    if (result < 0)
        return result;
    run->start_ns = ke_now_ns() + start_in_ns;
    while (started < threads && result == 0) {
        result = -pthread_create(&lanes[started].thread, NULL, ke_lane_run, &lanes[started]);
        started += result == 0;
    }
    if (result < 0) // the threads that run must end
        snprintf(why, 256, "thread %u: %s", started + 1, strerror(-result));
    for (uint32_t i = 0; i < started; i++)
        pthread_join(lanes[i].thread, NULL);
    return result;
}

int ke_load_run(const struct ke_load_plan *plan, struct ke_load_result **result, char why[256])
{
    struct ke_run run = {.plan = plan};
    snprintf(why, 256, "no memory for the result");
    struct ke_load_result *made = malloc(sizeof *made);
    struct ke_lane *lanes = calloc(plan->threads, sizeof *lanes);
    int status = made && lanes ? ke_seconds_open(&run.seconds, plan, seconds_of(plan)) : -ENOMEM;
    if (status < 0)
        goto fail;
    status = run_lanes(&run, lanes, why);
    for (uint32_t i = 0; i < plan->threads; i++) {
        ke_lane_close(&lanes[i]);
        if (i == 0)
            *made = lanes[i].part;
        else
            merge(made, &lanes[i].part);
    }
    made->peak_open = run.peak;
    made->seconds = ke_seconds_close(&run.seconds, &made->n_seconds);
    if (status < 0)
        goto fail_seconds;
    free(lanes);
    *result = made;
    return 0;
fail_seconds:
    free(made->seconds);
fail:
    free(lanes);
    free(made);
    return status;
}

void ke_load_free(struct ke_load_result *result)
{
    if (!result)
        return;
    free(result->seconds);
    free(result);
}
