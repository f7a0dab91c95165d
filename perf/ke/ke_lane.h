// One thread of a load of key exchanges: its own engine, its share of the schedule, its part of
// the result.
#pragma once

#include "perf/ke/ke_engine.h"
#include "perf/ke/ke_load.h"
#include "perf/ke/ke_seconds.h"

#include <pthread.h>
#include <stdatomic.h>

// What the lanes of a run share.
struct ke_run {
    const struct ke_load_plan *plan;
    uint64_t start_ns;
    struct ke_seconds seconds;
    // Writers and readers: every lane, relaxed.
    _Atomic uint32_t open; // sessions of all, without slow ones
    _Atomic uint32_t peak;
};

struct ke_lane {
    struct ke_run *run;
    uint32_t index; // from 0
    pthread_t thread;
    struct ke_engine *engine;
    uint32_t max_open; // without slow ones
    uint32_t open;     //
    uint32_t n_slow;   // to be held
    uint32_t slow_open;
    uint64_t slow_round_ns; // slow ones are replaced together, not before
    uint64_t next_ns;       // when the next session is due
    uint64_t n_due;         // so far
    double due_ns;          // with Poisson's gaps: the sum of them
    uint64_t random;
    double leaving; // what the share of aborted sessions has come to; 1 is a session
    uint32_t n_left;
    struct ke_second second; // that it is in
    struct ke_load_result part;
};

// Makes a lane of a run whose plan is set, before it starts. 0 or -errno with one line in why.
int ke_lane_open(struct ke_lane *lane, struct ke_run *run, uint32_t index, char why[256]);

// The thread.
void *ke_lane_run(void *lane);

// Once the thread has ended, or was never started.
void ke_lane_close(struct ke_lane *lane);
