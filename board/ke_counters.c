// Taking over and reading the counters of NTS-KE.
#include "board/ke_counters.h"

#define MS(n) (UINT64_C(1000000) * (n))

// From a neighbour's handshake to the greatest deadline that people set.
const uint64_t ke_time_bin_ns[KE_TIME_BINS - 1] = {MS(1) / 2, MS(1),    MS(2),   MS(5),   MS(10),
                                                   MS(20),    MS(50),   MS(100), MS(200), MS(500),
                                                   MS(1000),  MS(2000), MS(5000)};

void ke_count_time(struct ke_durations *times, uint64_t ns)
{
    unsigned bin = 0;
    while (bin < KE_TIME_BINS - 1 && ns > ke_time_bin_ns[bin])
        bin++;
    ke_count_one(&times->bin[bin]);
    atomic_fetch_add_explicit(&times->sum_ns, ns, memory_order_relaxed);
}

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

static void copy_words(const _Atomic uint64_t *from, _Atomic uint64_t *to, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        atomic_store_explicit(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed),
                              memory_order_relaxed);
}

static void copy_times(const struct ke_durations *from, struct ke_durations *to)
{
    copy_words(from->bin, to->bin, KE_TIME_BINS);
    copy_words(&from->sum_ns, &to->sum_ns, 1);
}

void ke_counters_read(const struct ke_counters *counters, struct ke_counters *copy)
{
    for (int i = KE_COUNTER_COUNT; i-- > 0;) {
        // Partner: the release in ke_count.
        uint64_t n = atomic_load_explicit(&counters->n[i], memory_order_acquire);
        atomic_store_explicit(&copy->n[i], n, memory_order_relaxed);
    }
    copy_words(counters->group, copy->group, KE_GROUPS);
    copy_words(counters->suite, copy->suite, KE_SUITES);
    copy_words(counters->key, copy->key, KE_KEYS);
    copy_words(&counters->cpu_ns, &copy->cpu_ns, 1);
    copy_times(&counters->handshake, &copy->handshake);
    copy_times(&counters->exchange, &copy->exchange);
    uint32_t open = atomic_load_explicit(&counters->open, memory_order_relaxed);
    atomic_store_explicit(&copy->open, open, memory_order_relaxed);
    uint32_t kept = atomic_load_explicit(&counters->kept, memory_order_relaxed);
    atomic_store_explicit(&copy->kept, kept, memory_order_relaxed);
}
