// Gets the keys and cookies for the start of a load run: one exchange for each client, at a rate
// that the server can handle.
#pragma once

#include "perf/ke/ke_outcome.h"

#include <stdatomic.h>
#include <stdint.h>

struct ke_fill_order {
    const struct ke_target *target;
    uint32_t n;              // number of grants
    uint32_t concurrency;    // concurrent exchanges, at most; 0: 32
    double rate;             // exchanges begun per second, at most; 0: no limit
    uint32_t retries;        // permitted rounds of failures without a grant between them; 0: 10
    const atomic_bool *stop; // read: true ends the fill. Written by any thread. May be NULL

    void *context;
    // Called for each grant, i from 0 to n - 1 in order; *grant is wiped after the call.
    void (*take)(void *context, uint32_t i, const struct ke_grant *grant);
    // Called from time to time, and at the end. May be NULL.
    void (*progress)(void *context, uint32_t granted, uint32_t failed, uint32_t n);
};

// Gets all grants, in the caller's thread. Before the first grant it gives up after three rounds of
// failures, or after the first failure that a retry cannot repair, such as a wrong certificate. 0
// or -errno: -ECANCELED when it was stopped. why has one line about the first failure (also when
// all grants were got in the end), or "" when there was none.
int ke_fill(const struct ke_fill_order *order, char why[512]);
