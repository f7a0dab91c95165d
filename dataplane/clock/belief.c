// Comparing control's clock with this process's own readings.
#include "dataplane/clock/belief.h"

#include <math.h>

#define RATE_MAX 0.005
#define STATED_MAX_NS 10e6

// Beyond these limits a line cannot be judged: after 30 s of silence the cores say LI 3 anyway, and
// the allowance for the age of a line with a distant base would be too large.
#define OLD_MAX_S 35.0
#define AHEAD_MAX_S 0.1

// The error that control states counts only as far as root dispersion tells clients of it.
static double stated_ns(const struct ntp_state *state)
{
    double told_ns = state->root_dispersion * (NS_PER_S / 65536.0);
    return fmin(fmin(state->bound_ns, told_ns), STATED_MAX_NS);
}

enum belief belief_judge(const struct ntp_state *state, const struct time_sample *now,
                         double ns_per_tick, double *off_ns)
{
    *off_ns = 0;
    const struct time_line line = time_line_decode(&state->line, now->ns);
    double rates = line.ns_per_tick / ns_per_tick - 1;
    if (!(fabs(rates) <= RATE_MAX)) // also when a rate is not known
        return BELIEF_RATE;

    double second = NS_PER_S / ns_per_tick;
    double base_s = (double)(int64_t)(now->tsc - state->line.tsc_base) / second;
    double written_s = (double)(int64_t)(now->tsc - state->written_tsc) / second;
    if (base_s > OLD_MAX_S || base_s < -AHEAD_MAX_S || written_s < -AHEAD_MAX_S)
        return BELIEF_AGE;

    *off_ns = time_line_excess(&line, now, TIME_FIT_SLACK_NS + stated_ns(state));
    return *off_ns == 0 ? BELIEF_RIGHT : BELIEF_OFF;
}
