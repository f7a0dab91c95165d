// A load of key exchanges, open loop: sessions begin at their scheduled times, whether or not the
// ones before have ended, and times are measured from the schedule. So a pause of the server always
// shows in the result (no coordinated omission). The caller runs one load at a time; a run makes
// its own threads.
#pragma once

#include "perf/ke/ke_outcome.h"
#include "perf/load/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// One second of a run.
struct ke_load_second {
    uint32_t at_s;    // from the start of the run
    uint64_t started; // sessions begun in it, including aborted ones
    uint64_t granted; // ended in it
    uint64_t failed;  // ended in it
    uint64_t p50_ns;  // of the times to the first cookie of sessions that ended in it; 0: none
    uint64_t p99_ns;
};

struct ke_load_plan {
    const struct ke_target *target;
    double rate;     // sessions per second; 0: only slow ones
    bool poisson;    // exponential gaps; otherwise equal gaps
    double aborted;  // share of the sessions that are aborted, in the three ways in turn
    uint32_t n_slow; // slow clients of both kinds, during the whole run; closed ones are replaced
    uint64_t duration_ns;    // in which sessions begin
    uint32_t max_open;       // concurrent sessions without the slow ones; 1 or more
    uint32_t threads;        // 1 or more
    uint64_t seed;           // of the gaps
    const atomic_bool *stop; // read: true ends the run at once. Written by any thread. May be NULL

    void *context;
    // Called for each complete second, by one of the run's threads at a time. May be NULL.
    void (*second)(void *context, const struct ke_load_second *second);
};

struct ke_load_result {
    bool stopped; // before its end

    // started == granted + aborted + failed + unfinished.
    uint64_t started;
    uint64_t not_sent; // due while max_open were open: the tester was the limit
    uint64_t granted;
    uint64_t aborted; // aborted as planned
    uint64_t failed;
    uint64_t unfinished;                // open when the run was stopped
    uint64_t outcome[KE_OUTCOME_COUNT]; // of the sessions that started and ended
    struct ke_report failure;           // the first failure, if any
    uint32_t peak_open;                 // largest number of open sessions, without slow ones

    struct histogram first_cookie; // from the scheduled time to the response
    struct histogram connect;      // TCP, from the begin; of all sessions that connected
    struct histogram handshake;    // TLS, from the end of TCP's; of all sessions that completed it
    struct histogram lag;          // from the scheduled time to the begin: the tester's delay

    uint64_t slow_begun;
    uint64_t slow_cut;               // closed by the server
    uint64_t slow_held;              // open to the end of the run, or for the target's hold_ns
    uint64_t slow_failed;            // failed before they could send slowly
    struct histogram slow_cut_after; // how long the server kept them open

    uint64_t took_ns;
    double cpu_s; // of the run's threads
    double idle;  // the headroom: the share of idle time of the busiest thread

    uint32_t n_seconds;
    struct ke_load_second *seconds;
};

// Runs the load and returns when all sessions have ended: after the duration and, at most, the
// deadline of the last session. 0, or -errno with one line in why and without a result.
// ke_load_free frees the result (about 100 KiB).
int ke_load_run(const struct ke_load_plan *plan, struct ke_load_result **result, char why[256]);

void ke_load_free(struct ke_load_result *result);
