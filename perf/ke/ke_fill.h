// The keys and cookies that a load run starts with: one exchange for each client, at the pace that
// the server bears.
#pragma once

#include "perf/ke/ke_outcome.h"

#include <stdatomic.h>
#include <stdint.h>

struct ke_fill_order {
    const struct ke_target *target;
    uint32_t n;              // grants that are wanted
    uint32_t concurrency;    // exchanges at once, at most; 0: 32
    double rate;             // exchanges begun a second, at most; 0: no bound
    uint32_t retries;        // rounds of failures without a grant between that are borne; 0: 10
    const atomic_bool *stop; // read: true ends the fill. Written by any thread. May be NULL

    void *context;
    // Told of each grant, i from 0 to n - 1 in order; what it points to is wiped afterwards.
    void (*take)(void *context, uint32_t i, const struct ke_grant *grant);
    // From time to time, and at the end. May be NULL.
    void (*progress)(void *context, uint32_t granted, uint32_t failed, uint32_t n);
};

// Gets them all, in the caller's thread. Before there has been any grant it gives up at the third
// round of failures, or at the first failure that no patience mends, such as a certificate.
// 0 or -errno: -ECANCELED when it was stopped. Why is one line: of the first failure (also when all
// went well in the end), "" when there was none.
int ke_fill(const struct ke_fill_order *order, char why[512]);
