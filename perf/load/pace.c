#include "perf/load/pace.h"

#include <math.h>

// xorshift64*: the gaps need not be secret.
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
    if (--pace->left > 0)
        return;
    pace->left = pace->bunch;
    // The gap g, in seconds, follows from the integral of the rate r over it, which is one bunch
    // (or a random share, for a Poisson process): r g + slope g^2 / 2 = area.
    double span = (double)(pace->end_ns - pace->start_ns);
    double slope = (pace->to - pace->from) / span * 1e9;
    double rate = pace->from + (pace->to - pace->from) * (((double)pace->at + pace->part) / span);
    double area = pace->bunch * (pace->poisson ? -log(uniform(pace)) : 1);
    if (pace->burst_every_ns != 0 &&
        (pace->at + pace->burst_phase_ns) % pace->burst_every_ns < pace->burst_len_ns)
        area /= pace->burst_factor;
    double under = rate * rate + 2 * slope * area;
    if (rate <= 0 || under <= 0) { // a falling ramp has no further request
        pace->at = pace->end_ns - pace->start_ns;
        return;
    }
    double gap = pace->part + 1e9 * 2 * area / (rate + sqrt(under));
    pace->at += (uint64_t)gap;
    pace->part = gap - floor(gap);
}

void pace_start(struct pace *pace, uint64_t start_ns, uint64_t span_ns, double from, double to,
                bool poisson, unsigned bunch, uint64_t seed)
{
    *pace = (struct pace){
        .start_ns = start_ns,
        .end_ns = start_ns + span_ns,
        .from = from,
        .to = to,
        .poisson = poisson,
        .bunch = bunch,
        .left = 1,
        .random = seed | 1,
    };
    if (poisson)
        pace_next(pace);
    pace->left = bunch;
}

void pace_burst(struct pace *pace, uint64_t every_ns, uint64_t len_ns, double factor,
                uint64_t phase_ns)
{
    pace->burst_every_ns = every_ns;
    pace->burst_len_ns = len_ns;
    pace->burst_factor = factor;
    pace->burst_phase_ns = every_ns == 0 ? 0 : phase_ns % every_ns;
}
