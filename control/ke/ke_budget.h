// The CPU time that a loop of NTS-KE may take, as a share of its thread's time: a bucket that fills
// by what is taken and drains by what is allowed. Pure; one loop.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    KE_SHARE_ONE = 1000000,        // a share of 1: all of the thread
    KE_BUDGET_BURST_NS = 20000000, // taken at once, before new connections wait
};

struct ke_budget {
    uint64_t taken_ns; // and not drained yet
    uint64_t at_ns;    // monotonic, when that was right
};

// share: of KE_SHARE_ONE; not 0.
static inline void ke_budget_take(struct ke_budget *budget, uint64_t cpu_ns, uint32_t share,
                                  uint64_t now)
{
    const uint64_t passed_us = now > budget->at_ns ? (now - budget->at_ns) / 1000 : 0;
    const uint64_t drained = passed_us * share / (KE_SHARE_ONE / 1000);
    budget->taken_ns = (budget->taken_ns > drained ? budget->taken_ns - drained : 0) + cpu_ns;
    budget->at_ns = now;
}

// Nanoseconds for which new connections must wait, until all is drained; 0: none.
static inline uint64_t ke_budget_wait_ns(struct ke_budget *budget, uint32_t share, uint64_t now)
{
    ke_budget_take(budget, 0, share, now);
    return budget->taken_ns < KE_BUDGET_BURST_NS ? 0 : budget->taken_ns * KE_SHARE_ONE / share;
}
