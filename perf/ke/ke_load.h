// A load of key exchanges, open loop: sessions begin when their time has come, whether or not those
// before them are done, and times count from when they should have begun. So a server that stalls
// cannot hide it (no coordinated omission).
//
// One run at a time of the caller's; it makes threads of its own and may be called again at another
// rate.
#pragma once

#include "perf/ke/ke_outcome.h"
#include "perf/load/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// One second of a run.
struct ke_load_second {
    uint32_t at_s;    // from the start of the run
    uint64_t started; // sessions begun in it, aborted ones too
    uint64_t granted; // ended in it
    uint64_t failed;  // ended in it
    uint64_t p50_ns;  // of the times to first cookie that ended in it; 0: none did
    uint64_t p99_ns;
};

struct ke_load_plan {
    const struct ke_target *target;
    double rate;             // sessions a second; 0: none but slow ones
    bool poisson;            // exponential gaps; otherwise even ones
    double aborted;          // share of the sessions that leave early: the three kinds in turn
    uint32_t n_slow;         // slow clients held all along, both kinds; a cut one is replaced
    uint64_t duration_ns;    // in which sessions begin
    uint32_t max_open;       // sessions at once, beside the slow ones; 1 or more
    uint32_t threads;        // 1 or more
    uint64_t seed;           // of the gaps
    const atomic_bool *stop; // read: true ends the run at once. Written by any thread. May be NULL

    void *context;
    // Told of each second once it is complete, from one of the run's threads at a time. May be
    // NULL.
    void (*second)(void *context, const struct ke_load_second *second);
};

struct ke_load_result {
    bool stopped; // before its end

    // started == granted + aborted + failed + unfinished.
    uint64_t started;
    uint64_t not_sent; // were due, but max_open were open: the tester's limit, not the server's
    uint64_t granted;
    uint64_t aborted; // left as they should
    uint64_t failed;
    uint64_t unfinished;                // open when the run was stopped
    uint64_t outcome[KE_OUTCOME_COUNT]; // of those that were started and finished
    struct ke_report failure;           // of the first one, if any has failed
    uint32_t peak_open;                 // at once, without slow ones

    struct histogram first_cookie; // from schedule to response
    struct histogram connect;      // TCP, from begin; of every session that got so far
    struct histogram handshake;    // TLS, from TCP's end; likewise
    struct histogram lag;          // from schedule to begin: the tester's own lateness

    uint64_t slow_begun;
    uint64_t slow_cut;               // by the server
    uint64_t slow_held;              // to the end of the run, or until the target's hold_ns
    uint64_t slow_failed;            // did not come to be slow
    struct histogram slow_cut_after; // how long the server let them hold it

    uint64_t took_ns;
    double cpu_s; // of the run's threads
    double idle;  // share of the time in which the busiest thread had nothing to do: the headroom

    uint32_t n_seconds;
    struct ke_load_second *seconds;
};

// Runs the load and waits for its end: the duration, and then what is still open, up to its
// deadline. 0 or -errno with one line in why, and then there is no result. A result (of some
// 100 KiB) is freed with ke_load_free.
int ke_load_run(const struct ke_load_plan *plan, struct ke_load_result **result, char why[256]);

void ke_load_free(struct ke_load_result *result);
