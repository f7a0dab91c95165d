// One thread of a load of key exchanges, with its own engine, its share of the schedule and its
// part of the result.
#pragma once

#include "perf/ke/ke_engine.h"
#include "perf/ke/ke_load.h"
#include "perf/ke/ke_seconds.h"

#include <pthread.h>
#include <stdatomic.h>

// The state that the lanes of a run share.
struct ke_run {
    const struct ke_load_plan *plan;
    uint64_t start_ns;
    struct ke_seconds seconds;
    // Writers and readers: every lane, relaxed.
    _Atomic uint32_t open; // sessions of all lanes, without slow ones
    _Atomic uint32_t peak;
};

struct ke_lane {
    struct ke_run *run;
    uint32_t index; // from 0
    pthread_t thread;
    struct ke_engine *engine;
    uint32_t max_open; // without slow ones
    uint32_t open;     //
    uint32_t n_slow;   // the number of slow clients to hold
    uint32_t slow_open;
    uint64_t slow_round_ns; // the next time at which slow clients are replaced
    uint64_t next_ns;       // when the next session is due
    uint64_t n_due;         // so far
    double due_ns;          // with Poisson gaps: their sum
    uint64_t random;
    double leaving; // the sum of the shares of aborted sessions; at 1 the next session is aborted
    uint32_t n_left;
    struct ke_second second; // the current second
    struct ke_load_result part;
};

// Makes a lane of a run whose plan is set, before it starts. 0 or -errno with one line in why.
int ke_lane_open(struct ke_lane *lane, struct ke_run *run, uint32_t index, char why[256]);

// The thread's function.
void *ke_lane_run(void *lane);

// Only when the thread has ended or was never started.
void ke_lane_close(struct ke_lane *lane);
