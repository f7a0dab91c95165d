// Is the time that control published right? Control is another process, which may be broken or
// taken over, so that its word is held against CLOCK_REALTIME and against the TSC's rate as this
// process has measured it. What is allowed:
//
//   200 us, which is also what control follows without a word;
//   the error that control states, as far as root dispersion tells clients of it, up to 10 ms;
//   600 ppm of the line's age, for a clock that is slewed meanwhile, and half the reading's width;
//   0.5 % between the rates: 0.25 ms until the next look.
//
// A step that control has not noticed yet and a slew that it does not follow fall outside: the time
// that is served is then wrong. Control's own samples tell it the same a moment later
// (board/time_fit.h has the same limits). Pure.
#pragma once

#include "board/ntp_state.h"
#include "board/time_fit.h"

enum belief {
    BELIEF_RIGHT,
    BELIEF_OFF,  // the line is off CLOCK_REALTIME
    BELIEF_RATE, // it leads away from it
    BELIEF_AGE,  // it was made long ago, or is of the future: nothing follows from it
};

// now is a reading of CLOCK_REALTIME; ns_per_tick the TSC's rate, 0 when it is not known, and then
// nothing is right. *off_ns is by how much more than allowed CLOCK_REALTIME is ahead, for
// BELIEF_OFF; else 0. The state is sound and has a line.
enum belief belief_judge(const struct ntp_state *state, const struct time_sample *now,
                         double ns_per_tick, double *off_ns);
