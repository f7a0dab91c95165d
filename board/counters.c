// Reading a core's counters.
#include "board/counters.h"

#include <stddef.h>

const int64_t departure_bin_ns[DEPARTURE_BINS - 1] = {
    -1000000, -100000, -30000, -10000, -3000, -2000, -1000, -500, -250, 0, 250, 1000,
};

static_assert(sizeof(struct core_counters) % sizeof(uint64_t) == 0, "is made of whole words");
static_assert(
    offsetof(struct core_counters, frames_received) < offsetof(struct core_counters, slow_path) &&
        offsetof(struct core_counters, frames_received) < offsetof(struct core_counters, outcome) &&
        offsetof(struct core_counters, frames_received) <
            offsetof(struct core_counters, stamps_refused) &&
        offsetof(struct core_counters, frames_received) <
            offsetof(struct core_counters, stamps_hardware) &&
        offsetof(struct core_counters, outcome) < offsetof(struct core_counters, nak) &&
        offsetof(struct core_counters, outcome) < offsetof(struct core_counters, interleaved),
    "a sum comes before its parts");
static_assert(offsetof(struct core_counters, departures_sampled) <
                  offsetof(struct core_counters, departures_early),
              "likewise");

void counters_read(const struct core_counters *counters, struct core_counters *copy)
{
    const _Atomic uint64_t *from = (const _Atomic uint64_t *)counters;
    _Atomic uint64_t *to = (_Atomic uint64_t *)copy;
    for (size_t i = sizeof *counters / sizeof *from; i-- > 0;) {
        // Partner: the release in counter_add.
        uint64_t n = atomic_load_explicit(&from[i], memory_order_acquire);
        atomic_store_explicit(&to[i], n, memory_order_relaxed);
    }
}

void counters_sum(struct core_counters *sum, const struct core_counters *copy)
{
    _Atomic uint64_t *to = (_Atomic uint64_t *)sum;
    const _Atomic uint64_t *from = (const _Atomic uint64_t *)copy;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        counter_add(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed));
}
