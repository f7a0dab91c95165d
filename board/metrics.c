// Finding a row of the table of metrics, and reading the number of a row.
#include "board/metrics.h"

#include "base/now.h"

#include <stdatomic.h>
#include <string.h>

const struct metric *metric_named(enum metric_place place, const char *json)
{
    for (size_t i = 0; i < metrics_n; i++)
        if (metrics[i].place == place && metrics[i].json != NULL &&
            strcmp(metrics[i].json, json) == 0)
            return &metrics[i];
    return NULL;
}

// Shared members are atomic; a plain member of the same size is safe to read like this too.
static uint64_t word(const void *at)
{
    return atomic_load_explicit((const _Atomic uint64_t *)at, memory_order_relaxed);
}

static uint32_t half(const void *at)
{
    return atomic_load_explicit((const _Atomic uint32_t *)at, memory_order_relaxed);
}

// Milliseconds since a heartbeat, -1 before the first one.
static int64_t age_ms(uint64_t beat_ns)
{
    if (beat_ns == 0)
        return -1;
    uint64_t now = now_ns();
    return now > beat_ns ? (int64_t)((now - beat_ns) / NOW_NS_PER_MS) : 0;
}

int64_t metric_read(const struct metric *metric, const void *place)
{
    const void *at = (const char *)place + metric->at;
    switch (metric->form) {
    case METRIC_U64:
    case METRIC_NS:
    case METRIC_NS_KNOWN:
    case METRIC_UNIX:
        return (int64_t)word(at);
    case METRIC_BEAT:
        return age_ms(word(at));
    case METRIC_U32:
    case METRIC_FLAG32:
    case METRIC_NS32:
    case METRIC_PPB32:
    case METRIC_SHORT:
        return half(at);
    case METRIC_U8:
    case METRIC_FLAG8:
        return *(const uint8_t *)at;
    case METRIC_LOG2:
        return *(const int8_t *)at;
    case METRIC_TIMES:
    case METRIC_DEPARTS:
        break;
    }
    return 0;
}
