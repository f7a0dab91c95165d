// Taking over and reading the counters of NTS-KE.
#include "board/ke_counters.h"

void ke_counters_take_over(struct ke_counters *counters)
{
    uint64_t ended = 0;
    for (int i = KE_ENDS_FIRST; i <= KE_ENDS_LAST; i++)
        ended += ke_counted(counters, (enum ke_counter)i);
    uint64_t accepted = ke_counted(counters, KE_ACCEPTED);
    if (accepted > ended)
        atomic_fetch_add_explicit(&counters->n[KE_ABANDONED], accepted - ended,
                                  memory_order_relaxed);
    atomic_store_explicit(&counters->open, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->kept, 0, memory_order_relaxed);
}

void ke_counters_read(const struct ke_counters *counters, struct ke_counters *copy)
{
    for (int i = KE_COUNTER_COUNT; i-- > 0;) {
        // Partner: the release in ke_count.
        uint64_t n = atomic_load_explicit(&counters->n[i], memory_order_acquire);
        atomic_store_explicit(&copy->n[i], n, memory_order_relaxed);
    }
    uint32_t open = atomic_load_explicit(&counters->open, memory_order_relaxed);
    atomic_store_explicit(&copy->open, open, memory_order_relaxed);
    uint32_t kept = atomic_load_explicit(&counters->kept, memory_order_relaxed);
    atomic_store_explicit(&copy->kept, kept, memory_order_relaxed);
}
