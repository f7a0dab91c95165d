// Gets new keys and cookies for clients that need them during a load run. The exchanges run in a
// separate thread, so that the load thread never waits. One refill per load thread.
#pragma once

#include "perf/ke/ke_outcome.h"
#include "perf/load/histogram.h"

#include <stdbool.h>
#include <stdint.h>

struct ke_refill;

struct ke_refill_counts {
    uint64_t requested;
    uint64_t begun; // exchanges, including retries
    uint64_t granted;
    uint64_t failed; // exchanges; the refill retries until one succeeds
    uint64_t outcome[KE_OUTCOME_COUNT];
};

// Starts the thread, for up to n_clients waiting clients (1 or more) and max_open concurrent
// exchanges. The target must live longer. 0, or -errno with one line in why.
int ke_refill_start(const struct ke_target *target, uint32_t n_clients, uint32_t max_open,
                    struct ke_refill **refill, char why[256]);

// For the load thread. Requests a grant for a client; the caller chooses its number. False, without
// effect, when n_clients are waiting.
bool ke_refill_request(struct ke_refill *refill, uint32_t client);

// For the load thread. Takes the next grant; false when there is none yet. The caller wipes *grant.
bool ke_refill_take(struct ke_refill *refill, uint32_t *client, struct ke_grant *grant);

// The current counts. Any thread.
void ke_refill_count(const struct ke_refill *refill, struct ke_refill_counts *counts);

// Ends the thread, wipes the grants that were not taken, and frees everything. Writes the final
// counts and the histogram of the time from the request to the first cookie; either may be NULL.
// Accepts NULL, and then writes nothing.
void ke_refill_stop(struct ke_refill *refill, struct ke_refill_counts *counts,
                    struct histogram *first_cookie);
