// The name of an outcome, for messages.
#pragma once

#include "board/counters.h"
#include "board/metrics.h"

static inline const char *outcome_name(enum outcome outcome)
{
    const size_t at = offsetof(struct core_counters, outcome) + outcome * sizeof(uint64_t);
    for (size_t i = 0; i < metrics_n; i++)
        if (metrics[i].place == METRIC_CORES && metrics[i].at == at)
            return metrics[i].json;
    return "?";
}
