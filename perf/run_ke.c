// ke: NTS-KE sessions under load, with the result in the common form.
#include "perf/ke/ke_load.h"
#include "perf/load/utc.h"
#include "perf/process.h"
#include "perf/progress.h"
#include "perf/run.h"
#include "perf/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct run {
    const struct plan *plan;
    struct ke_target target;
};

static void show_second(void *with, const struct ke_load_second *second)
{
    (void)with;
    char t[2][WORDS_LEN];
    progress_show("%u s  %llu started/s  %llu granted/s  %llu failed/s  p50 %s  p99 %s",
                  second->at_s, (unsigned long long)second->started,
                  (unsigned long long)second->granted, (unsigned long long)second->failed,
                  words_of_ns((double)second->p50_ns, t[0]),
                  words_of_ns((double)second->p99_ns, t[1]));
}

static uint64_t longer_than(const struct histogram *h, uint64_t ns)
{
    uint64_t n = 0;
    for (uint32_t i = histogram_bucket_of(ns) + 1; i < HISTOGRAM_BUCKETS; i++)
        n += h->bucket[i];
    return n;
}

static void take_seconds(struct outcome *o, const struct ke_load_result *r)
{
    for (uint32_t i = 0; i < r->n_seconds && i < LOAD_ROWS_MAX; i++) {
        const struct ke_load_second *second = &r->seconds[i];
        o->row[o->n_rows++] = (struct load_row){
            .at_s = second->at_s + 1.0,
            .span_s = 1,
            .sent = second->started,
            .answered = second->granted,
            .lost = second->failed,
            .p50 = second->p50_ns,
            .p99 = second->p99_ns,
        };
    }
}

// A session with keys counts as an answered request, a failed one as a lost request. Aborted
// sessions count as neither.
static void take(const struct run *run, uint64_t duration_ns, struct outcome *o,
                 struct ke_load_result *r)
{
    uint64_t *count = o->total.count;
    tally_init(&o->total);
    count[TALLY_SENT] = r->started - r->aborted;
    count[TALLY_ANSWERED] = r->granted;
    count[TALLY_VERIFIED] = run->plan->insecure ? 0 : r->granted;
    count[TALLY_LOST] = r->failed;
    count[TALLY_OPEN] = r->unfinished;
    count[TALLY_UNSENT_OPEN] = r->not_sent;
    histogram_merge(&o->total.latency, &r->first_cookie);
    o->span_s = (double)r->took_ns / 1e9;
    o->asked = o->rate * (double)duration_ns / 1e9 * (1 - run->plan->aborted);
    o->self.span_ns = r->took_ns;
    o->self.idle_ns = (uint64_t)(r->idle * (double)r->took_ns);
    o->self.sent_late = longer_than(&r->lag, 10 * LOAD_LATE_NS);
    o->own_cpu_s = r->cpu_s;
    o->ke = r;
    if (r->failed > 0)
        ke_report_text(&r->failure, &run->target, o->failure);
    take_seconds(o, r);
    outcome_judge(o, run->plan);
}

static int try_rate(void *with, double rate, uint64_t duration_ns, struct outcome *outcome)
{
    struct run *run = with;
    const struct plan *plan = run->plan;
    char why[256];
    uint64_t seed = 1;
    (void)!getrandom(&seed, sizeof seed, 0);
    struct ke_load_plan load = {
        .target = &run->target,
        .rate = rate,
        .poisson = plan->poisson,
        .aborted = plan->aborted,
        .n_slow = plan->slow,
        .duration_ns = duration_ns,
        .max_open = plan->open,
        .threads = plan->threads,
        .seed = seed,
        .stop = &run_must_stop,
        .context = run,
        .second = show_second,
    };
    double before = 0, after = 0;
    bool measured = plan->pid != 0 && process_cpu(plan->pid, &before);
    struct ke_load_result *result;
    int fault = ke_load_run(&load, &result, why);
    progress_clear();
    if (fault) {
        fprintf(stderr, "ntsperf: %s\n", why);
        return fault;
    }
    if (measured && process_cpu(plan->pid, &after))
        outcome->server_cpu_s = after - before;
    outcome->rate = rate;
    take(run, duration_ns, outcome, result);
    return 0;
}

int run_ke(const struct plan *plan)
{
    struct run run = {.plan = plan};
    struct search *search = calloc(1, sizeof *search);
    struct result result = {.plan = plan, .path = "TCP", .crypto = "", .udp_port = plan->ke_port};
    if (!search || run_find_server(plan, &run.target.address) != 0) {
        free(search);
        return EXIT_FAILURE;
    }
    run.target.ca = plan->ca;
    run.target.unverified = plan->insecure;
    run.target.deadline_ns = plan->timeout_ns;
    snprintf(run.target.server, sizeof run.target.server, "%s",
             plan->name ? plan->name : plan->server);
    target_set_port(&run.target.address, plan->ke_port);
    target_text(&run.target.address, result.server);
    search->trial = try_rate;
    search->with = &run;
    result.started_ns = utc_now_ns();
    int fault = run_trials(search, &result);
    result.ended_ns = utc_now_ns();
    int status = fault ? EXIT_FAILURE : run_report(&result);
    outcome_free(search->best);
    outcome_free(search->last);
    free(search);
    return status;
}
