#include "dataplane/table/unique.h"

#include <string.h>

// Partners: unique_take reads a half's window first, and the half of the window before the present
// one is not written.
void unique_begin(struct unique_counter *counter, uint32_t window)
{
    counter->window = window;
    struct unique_half *half = unique_half(counter);
    for (unsigned i = 0; i < UNIQUE_REGISTERS; i++)
        atomic_store_explicit(&half->rank[i], 0, memory_order_relaxed);
    // Release, with unique_take: the registers of an earlier window are gone.
    atomic_store_explicit(&half->window, window, memory_order_release);
}

void unique_take(const struct unique_counter *counter, uint32_t window,
                 uint8_t rank[UNIQUE_REGISTERS])
{
    const struct unique_half *half = &counter->half[window & 1];
    // Acquire, with unique_begin.
    if (atomic_load_explicit(&half->window, memory_order_acquire) != window)
        return;
    for (unsigned i = 0; i < UNIQUE_REGISTERS; i++) {
        const uint8_t one = atomic_load_explicit(&half->rank[i], memory_order_relaxed);
        rank[i] = one > rank[i] ? one : rank[i];
    }
}

void unique_merge(uint8_t into[UNIQUE_REGISTERS], const uint8_t from[UNIQUE_REGISTERS])
{
    for (unsigned i = 0; i < UNIQUE_REGISTERS; i++)
        into[i] = from[i] > into[i] ? from[i] : into[i];
}

// Ertl 2017 (arXiv 1702.01284), equation 16: the share of the registers that are still zero. x is
// below 1.
static double sigma(double x)
{
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

// Ertl's algorithm 6, but for its tau: that is 0 unless a register has the highest rank, which
// takes some 2^50 clients.
uint64_t unique_estimate(const uint8_t rank[UNIQUE_REGISTERS])
{
    static const double m = UNIQUE_REGISTERS, ln_2 = 0.69314718055994531;
    unsigned n[UNIQUE_RANK_MAX + 1] = {0};

    for (unsigned i = 0; i < UNIQUE_REGISTERS; i++)
        n[rank[i]]++;
    if (n[0] == UNIQUE_REGISTERS)
        return 0;
    double z = 0;
    for (unsigned k = UNIQUE_RANK_MAX; k > 0; k--)
        z = (z + n[k]) / 2;
    z += m * sigma(n[0] / m);
    return (uint64_t)(m * m / (2 * ln_2 * z) + 0.5);
}
