// The outcome of a trial: a load at one rate, or at a rate that rises from one to another.
// A struct outcome is large, so it is on the heap. It belongs to the caller of outcome_new.
#pragma once

#include "perf/load/load.h"
#include "perf/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum { OUTCOME_WHY_LEN = 160, OUTCOME_FAILURE_LEN = 512 };

struct outcome_flow {
    enum flow_kind kind;
    struct tally tally;
};

struct ke_load_result;

struct outcome {
    double rate;        // the wanted rate; the last rate of a ramp
    double asked;       // honest requests that were due
    double span_s;      // over which they were sent
    struct tally total; // of the honest flows, and of replies that belong to none
    double loss;        // share; of the victims if there are any
    uint32_t n_flows;
    struct outcome_flow flow[FLOW_KINDS];
    struct load_self self;
    double headroom; // share of the tester's time in which it had nothing to do
    bool tester_was_limit;
    char why[OUTCOME_WHY_LEN]; // why the tester was the limit
    struct load_storm storm;
    struct same_clock same_clock; // with --same-clock
    double own_cpu_s;
    double server_cpu_s; // below 0: not measured
    bool applied;        // the tester really sent at the wanted rate
    // The objectives; met if there are none. A request without a valid time, also after a NAK or a
    // kiss code, counts as lost. If there are victims, only they count.
    bool met_loss, met_p99;
    bool met; // both, under a load that was applied
    uint32_t n_rows;
    struct load_row row[LOAD_ROWS_MAX];
    char failure[OUTCOME_FAILURE_LEN]; // of the first NTS-KE session that failed, or ""
    struct ke_load_result *ke;         // of a KE trial, else NULL; outcome_free frees it
};

// NULL when there is no memory. outcome_free accepts NULL.
struct outcome *outcome_new(void);
void outcome_free(struct outcome *outcome);

// Computes from flow, total and self: loss, headroom, whether the tester was the limit, and whether
// the plan's objectives are met.
void outcome_judge(struct outcome *outcome, const struct plan *plan);

// The part of an outcome that is kept for each step of a search or a staircase.
struct outcome_step {
    double rate, answered_rate, loss, headroom;
    double duration_s; // planned
    uint64_t sent, answered, lost, wrong;
    struct outcome_quantiles {
        uint64_t min, mean, p50, p90, p99, p999, p9999, p99999, max;
    } latency;
    bool met, tester_was_limit;
};

struct outcome_quantiles outcome_quantiles_of(const struct histogram *histogram);
struct outcome_step outcome_step_of(const struct outcome *outcome);
