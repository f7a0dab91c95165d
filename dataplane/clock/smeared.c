#include "dataplane/clock/smeared.h"

enum { CROSSING_S = 2 }; // control has a new line within some tenths of a second

struct ntp_state smeared(const struct ntp_state *state)
{
    struct ntp_state out = *state;
    if (state->smear_state == SMEAR_NONE || !state->serving)
        return out;
    out.line.utc_base += (ntp_time)state->smear;
    out.line.rate += (uint64_t)state->smear_rate;
    out.reference_time += (ntp_time)state->smear;
    // A time from before the jump is on the other side of it.
    if ((int64_t)(out.reference_time - out.line.utc_base) > 0)
        out.reference_time = out.line.utc_base;
    if (state->smear != 0 || state->smear_rate != 0)
        out.reference_id = SMEARED_REFERENCE;
    out.leap = state->smear_state == SMEAR_LOST ? LEAP_UNKNOWN : state->smear_leap;
    out.jump_tsc = 0;
    return out;
}

bool smeared_explains(const struct ntp_state *state, uint64_t tsc, double off_ns)
{
    const int64_t since = (int64_t)(tsc - state->jump_tsc);
    return state->smear_state == SMEAR_ON && state->jump_tsc != 0 && since >= 0 &&
           since < (int64_t)(CROSSING_S * state->tsc_hz) && leap_is_jump(state->smear_of, off_ns);
}
