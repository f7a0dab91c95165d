// How much CPU time NTS-KE may take: of each source, and of all. From the settings
// control.per_prefix and control.cpu_share.
#pragma once

#include "config/config.h"
#include "control/ke/ke_cpu_limit.h"

#include <stdbool.h>
#include <stdint.h>

struct ke_shares {
    struct ke_cpu_rate host; // ns_per_s 0: no limit
    bool dry_run;            // of that limit: nobody is refused
    uint32_t all;            // of KE_SHARE_ONE (ke_budget.h), of each thread; 0: no limit
};

static inline struct ke_shares ke_shares_of(const struct config *config)
{
    const struct config_per_prefix *limit = &config->control.per_prefix;
    return (struct ke_shares){
        .host = {.ns_per_s = limit->cpu_per_second_us * UINT64_C(1000),
                 .burst_ns = limit->burst_us * UINT64_C(1000)},
        .dry_run = limit->dry_run == SWITCH_TRUE,
        .all = config->control.cpu_share == CONFIG_FRACTION_ONE ? 0 : config->control.cpu_share,
    };
}
