// The series of a load run, second by second, from several threads: each hands its own second over
// when it has passed, and the last one to do so completes it.
#pragma once

#include "perf/ke/ke_load.h"

#include <pthread.h>

// What one thread knows of the second that it is in.
struct ke_second {
    uint32_t at_s;
    uint64_t started, granted, failed;
    struct histogram first_cookie;
};

struct ke_seconds {
    const struct ke_load_plan *plan;
    pthread_mutex_t lock; // of all below
    uint32_t n;           // places
    uint32_t n_used;      // up to the last one of which anything is known
    struct ke_load_second *row;
    struct histogram **open; // of seconds that not all threads have passed; NULL: nothing yet
    uint32_t *passed;        // threads
};

// Room for n seconds; what falls behind them counts in the last. 0 or -errno.
int ke_seconds_open(struct ke_seconds *seconds, const struct ke_load_plan *plan, uint32_t n);

// Hands over a second that has passed, and those without anything up to now_s, where *second
// starts anew. Any thread.
void ke_seconds_pass(struct ke_seconds *seconds, struct ke_second *second, uint32_t now_s);

// Completes what is left; once the threads have ended. The rows, *n of them, become the caller's,
// to free.
struct ke_load_second *ke_seconds_close(struct ke_seconds *seconds, uint32_t *n);
