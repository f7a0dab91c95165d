#include "perf/pace.h"

#include <math.h>

// xorshift64*: gaps need no secrecy.
static double uniform(struct pace *pace)
{
    pace->random ^= pace->random >> 12;
    pace->random ^= pace->random << 25;
    pace->random ^= pace->random >> 27;
    uint64_t high = (pace->random * UINT64_C(0x2545f4914f6cdd1d)) >> 11;
    return ((double)high + 0.5) / (double)(UINT64_C(1) << 53);
}

void pace_next(struct pace *pace)
{
    double passed = pace->at / (double)(pace->end_ns - pace->start_ns);
    double rate = pace->from + (pace->to - pace->from) * passed;
    double gap = 1e9 / rate;
    pace->at += pace->poisson ? -log(uniform(pace)) * gap : gap;
}

void pace_start(struct pace *pace, uint64_t start_ns, uint64_t span_ns, double from, double to,
                bool poisson, uint64_t seed)
{
    *pace = (struct pace){
        .start_ns = start_ns,
        .end_ns = start_ns + span_ns,
        .from = from,
        .to = to,
        .poisson = poisson,
        .random = seed | 1,
    };
    if (poisson)
        pace_next(pace);
}
