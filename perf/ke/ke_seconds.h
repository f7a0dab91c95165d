// The time series of a load run, with one row per second, from several threads. Each thread hands
// over its data of a second after that second; the last thread completes the row.
#pragma once

#include "perf/ke/ke_load.h"

#include <pthread.h>

// One thread's data of the current second.
struct ke_second {
    uint32_t at_s;
    uint64_t started, granted, failed;
    struct histogram first_cookie;
};

struct ke_seconds {
    const struct ke_load_plan *plan;
    pthread_mutex_t lock; // of all below
    uint32_t n;           // places
    uint32_t n_used;      // up to the last place with data
    struct ke_load_second *row;
    struct histogram **open; // of seconds that some threads have not handed over; NULL: no data yet
    uint32_t *passed;        // threads that have handed over the second
};

// Makes room for n seconds; later data counts in the last one. 0 or -errno.
int ke_seconds_open(struct ke_seconds *seconds, const struct ke_load_plan *plan, uint32_t n);

// Hands over *second and all seconds without data up to now_s; *second then starts again at now_s.
// Any thread.
void ke_seconds_pass(struct ke_seconds *seconds, struct ke_second *second, uint32_t now_s);

// Completes the remaining rows; only after the threads have ended. The caller frees the *n rows.
struct ke_load_second *ke_seconds_close(struct ke_seconds *seconds, uint32_t *n);
