// Fresh keys and cookies for clients that have run out of them during a load run: a thread of its
// own makes the exchanges, so that the load thread never waits. One refill a load thread.
#pragma once

#include "perf/ke/ke_outcome.h"
#include "perf/load/histogram.h"

#include <stdbool.h>
#include <stdint.h>

struct ke_refill;

struct ke_refill_counts {
    uint64_t requested;
    uint64_t begun; // exchanges, those that were tried again too
    uint64_t granted;
    uint64_t failed; // exchanges; their clients' are tried again until one succeeds
    uint64_t outcome[KE_OUTCOME_COUNT];
};

// Starts the thread, for up to n_clients that wait at a time (1 or
// more), with max_open exchanges at once. The target outlives it. 0 or -errno with one line in
// why.
int ke_refill_start(const struct ke_target *target, uint32_t n_clients, uint32_t max_open,
                    struct ke_refill **refill, char why[256]);

// The load thread's. Requests a grant for a client, any number of the caller's. False, and nothing
// has happened, when n_clients are waiting.
bool ke_refill_request(struct ke_refill *refill, uint32_t client);

// The load thread's. Takes the next grant; false when there is none yet. The caller wipes *grant.
bool ke_refill_take(struct ke_refill *refill, uint32_t *client, struct ke_grant *grant);

// The counts as they stand. Any thread.
void ke_refill_count(const struct ke_refill *refill, struct ke_refill_counts *counts);

// Ends the thread and frees it all. What is not taken yet is wiped. Writes the last counts and the
// histogram of the time from the request to the first cookie; either may be NULL. Takes NULL, and
// then writes nothing.
void ke_refill_stop(struct ke_refill *refill, struct ke_refill_counts *counts,
                    struct histogram *first_cookie);
