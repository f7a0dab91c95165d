// The mean of what it has cost, robust against preemption.
#include "dataplane/clock/departure.h"

unsigned departure_class(unsigned n_plain, unsigned n_nts)
{
    // The cryptography of one request costs more than all the rest of ten.
    unsigned n = n_nts > 0 ? n_nts : n_plain;
    unsigned size = 31 - (unsigned)__builtin_clz(n | 1);
    return size + (n_nts > 0 ? DEPARTURE_SIZES : 0);
}

uint64_t departure_expect(const struct departure *departure, unsigned class)
{
    for (unsigned i = class + 1; i-- > 0;) {
        if (departure->n[i] > 0)
            return departure->ticks[i];
    }
    for (unsigned i = class + 1; i < DEPARTURE_CLASSES; i++) {
        if (departure->n[i] > 0)
            return departure->ticks[i];
    }
    return 0;
}

void departure_learn(struct departure *departure, unsigned class, uint64_t ticks)
{
    uint64_t *mean = &departure->ticks[class];
    uint32_t *n = &departure->n[class];
    if (*n < DEPARTURE_TRIALS) {
        // One of the first ones may be an outlier, and there is nothing yet to tell it by.
        if (*n == 0 || ticks < *mean)
            *mean = ticks;
        ++*n;
        return;
    }

    uint64_t most = *mean + *mean / 2;
    uint64_t clipped = ticks > most ? most : ticks;
    // One eighth of the difference; + 7 so that a small mean can still grow.
    if (clipped > *mean)
        *mean += (clipped - *mean + 7) / 8;
    else
        *mean -= (*mean - clipped) / 8;
}
