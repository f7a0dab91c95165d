#include "perf/trial.h"

#include "base/bytes.h"
#include "perf/load/load_run.h"
#include "perf/process.h"
#include "perf/progress.h"
#include "perf/words.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct runner {
    struct load *load;
    int32_t core;
    int fault;
    double cpu_s; // of the load's thread
};

static void *run_load(void *argument)
{
    struct runner *runner = argument;
    if (runner->core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)runner->core, &set);
        int fault = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
        if (fault) {
            runner->fault = -fault;
            return NULL;
        }
    }
    runner->fault = load_run(runner->load);
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    runner->cpu_s = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
    return NULL;
}

static void show_row(const struct load *load)
{
    char at[WORDS_LEN], sent[WORDS_LEN], answered[WORDS_LEN], loss[WORDS_LEN], p50[WORDS_LEN],
        p99[WORDS_LEN], left[WORDS_LEN];
    unsigned n = atomic_load_explicit(&load->rows, memory_order_acquire);
    if (n == 0)
        return;
    const struct load_row *row = &load->row[n - 1];
    double rest = (double)load->plan.span_ns - row->at_s * 1e9;
    progress_show("%s  sent %s/s  answered %s/s  loss %s  p50 %s  p99 %s%s  %s left",
                  words_of_ns(row->at_s * 1e9, at),
                  words_of_rate((double)row->sent / row->span_s, sent),
                  words_of_rate((double)row->answered / row->span_s, answered),
                  words_of_share(row->sent ? (double)row->lost / (double)row->sent : 0, loss),
                  words_of_ns((double)row->p50, p50), words_of_ns((double)row->p99, p99),
                  row->wrong ? "  WRONG REPLIES" : "", words_of_ns(rest > 0 ? rest : 0, left));
}

static void wait_for(pthread_t thread, const struct load *load)
{
    for (;;) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 200000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_timedjoin_np(thread, NULL, &until) != ETIMEDOUT)
            return;
        show_row(load);
    }
}

static unsigned make_flows(const struct plan *plan, double rate, bool has_cookies,
                           struct flow *flow)
{
    double weight[FLOW_KINDS] = {0};
    double shares = 0;
    if (plan->command == COMMAND_MIX)
        memcpy(weight, plan->weight, sizeof weight);
    else
        weight[plan->command == COMMAND_NTP ? FLOW_PLAIN : FLOW_NTS] = 1;
    for (unsigned k = 0; k < FLOW_KINDS; k++)
        shares += weight[k];
    unsigned n = 0;
    for (unsigned k = 0; k < FLOW_KINDS; k++) {
        double of_rate = shares > 0 ? weight[k] / shares * rate : 0;
        if (k == FLOW_VICTIM)
            of_rate = plan->victim_rate;
        if (of_rate > 0)
            flow[n++] =
                (struct flow){.kind = k, .nts = flow_rows[k].nts && has_cookies, .weight = of_rate};
    }
    return n;
}

static void take_result(const struct load *load, struct outcome *outcome)
{
    tally_init(&outcome->total);
    tally_merge(&outcome->total, &load->stray);
    outcome->n_flows = load->n_flows;
    for (unsigned i = 0; i < load->n_flows; i++) {
        outcome->flow[i] = (struct outcome_flow){load->flow[i].kind, load->flow[i].tally};
        if (flow_rows[load->flow[i].kind].honest)
            tally_merge(&outcome->total, &load->flow[i].tally);
    }
    outcome->self = load->self;
    outcome->storm = load->storm;
    outcome->same_clock = load->same_clock;
    outcome->n_rows = atomic_load(&load->rows);
    double planned = (double)load->plan.span_ns / 1e9;
    double honest = 0, all = 0;
    for (unsigned i = 0; i < load->n_flows; i++) {
        all += load->flow[i].weight;
        honest += flow_rows[load->flow[i].kind].honest ? load->flow[i].weight : 0;
    }
    outcome->asked = (load->plan.from + load->plan.to) / 2 * planned * honest / all;
    double ran = (double)load->self.span_ns / 1e9;
    // If the run was not stopped, requests were due during the whole planned time, even if the last
    // one was due before its end.
    bool stopped = atomic_load(load->stop);
    outcome->span_s = stopped && ran < planned ? ran : planned;
}

static int run(struct trial *trial, struct load *load, struct outcome *outcome)
{
    const struct plan *plan = trial->plan;
    struct runner runner = {.load = load, .core = plan->core};
    double before = 0, after = 0;
    bool measured = plan->pid != 0 && process_cpu(plan->pid, &before);
    pthread_t thread;
    int fault = -pthread_create(&thread, NULL, run_load, &runner);
    if (fault)
        return fault;
    wait_for(thread, load);
    progress_clear();
    if (runner.fault)
        return runner.fault;
    if (measured && process_cpu(plan->pid, &after))
        outcome->server_cpu_s = after - before;
    outcome->own_cpu_s = runner.cpu_s;
    take_result(load, outcome);
    outcome_judge(outcome, plan);
    return 0;
}

int trial_run(struct trial *trial, double from, double to, uint64_t duration_ns,
              struct outcome *outcome)
{
    const struct plan *plan = trial->plan;
    struct flow flow[FLOW_KINDS];
    double extra = plan->command == COMMAND_MIX ? plan->victim_rate : 0;
    struct load *load = aligned_alloc(64, (sizeof *load + 63) / 64 * 64);
    if (!load)
        return -ENOMEM;
    memset(load, 0, sizeof *load);
    *load = (struct load){
        .plan = {.from = from + extra,
                 .to = to + extra,
                 .span_ns = duration_ns,
                 .timeout_ns = plan->timeout_ns,
                 .poisson = plan->poisson,
                 .bunch = plan->bunch,
                 .burst_every_ns = plan->burst_every_ns,
                 .burst_len_ns = plan->burst_len_ns,
                 .burst_factor = plan->burst_factor,
                 .interleaved = plan->interleaved,
                 .same_clock = plan->same_clock,
                 .spoof = plan->spoof.family != 0,
                 .placeholders = plan->placeholders,
                 .verify = plan->verify,
                 .storm_ns = plan->storm_ns},
        .path = trial->path,
        .aead = trial->aead,
        .crypto = trial->crypto,
        .clients = trial->clients,
        .supply = trial->supply,
        .rng = &trial->rng,
        .flow = flow,
        .n_flows = make_flows(plan, from, trial->clients->cookie_len > 0, flow),
        .stop = trial->stop,
        .row = outcome->row,
    };
    outcome->rate = to;
    int fault = run(trial, load, outcome);
    if (fault)
        fprintf(stderr, "ntsperf: cannot run the load: %s%s\n", strerror(-fault),
                fault == -EINVAL && plan->core >= 0 ? "; is --core one of this machine's CPUs?"
                                                    : "");
    bytes_wipe(load, sizeof *load); // it has decrypted replies and a session's key
    free(load);
    return fault;
}
