// Is the time right that control publishes? Control is another process, which may be broken or
// taken over. So its line is compared with CLOCK_REALTIME, and with the TSC's rate as this process
// has measured it. What is allowed:
//
//   200 us: less than clients can see over a network, and what a step may be that control takes for
//   the beginning of a slew;
//   the error that control states, as far as root dispersion tells clients of it, up to 10 ms;
//   600 ppm of the line's age, for a clock that is slewed meanwhile, and half the reading's width;
//   0.5 % between the rates: 0.25 ms until the next check.
//
// More than that is a step that control has not noticed yet, or a slew that it does not follow: the
// time that is served is then wrong. Control's own samples show it the same a moment later. Pure.
#pragma once

#include "board/ntp_state.h"
#include "board/time_fit.h"

enum belief {
    BELIEF_RIGHT,
    BELIEF_OFF,  // the line differs from CLOCK_REALTIME
    BELIEF_RATE, // the line's rate leads away from CLOCK_REALTIME
    BELIEF_AGE,  // the line is too old, or is in the future: it cannot be judged
};

// now is a reading of CLOCK_REALTIME. ns_per_tick is the TSC's rate, or 0 when it is not known: the
// verdict is then never BELIEF_RIGHT. For BELIEF_OFF, *off_ns is how much further than allowed
// CLOCK_REALTIME is ahead; otherwise 0. The state is sound and has a line.
enum belief belief_judge(const struct ntp_state *state, const struct time_sample *now,
                         double ns_per_tick, double *off_ns);
