// The line over the TSC, and the ageing of the state.
#include "dataplane/clock/clock.h"

__extension__ typedef unsigned __int128 wide;

// (ticks * rate) >> CLOCK_RATE_SHIFT. A rate has about 49 bits, so the product of some seconds of
// ticks needs more than 64 bits.
static uint64_t scaled(uint64_t ticks, uint64_t rate)
{
    return (uint64_t)((wide)ticks * rate >> CLOCK_RATE_SHIFT);
}

ntp_time clock_utc(const struct clock_line *line, uint64_t tsc)
{
    // A core may read its TSC a little before the base that another core wrote.
    uint64_t since = tsc - line->tsc_base;
    if ((int64_t)since < 0)
        return line->utc_base - scaled(0 - since, line->rate);
    return line->utc_base + scaled(since, line->rate);
}

// Seconds since control wrote the state.
static double silence_s(const struct ntp_state *state, uint64_t tsc)
{
    int64_t silent = (int64_t)(tsc - state->written_tsc);
    return silent > 0 ? (double)silent / (double)state->tsc_hz : 0;
}

// Root dispersion after that silence, in units of NTP's short format.
static double grown(const struct ntp_state *state, uint64_t tsc, double silent_s, uint64_t unsure)
{
    double second = (double)state->tsc_hz;
    int64_t past_void = (int64_t)(tsc - state->void_after);
    double void_s = past_void > 0 ? (double)past_void / second : 0;
    double growth = CLOCK_PHI_PPM / 1e6 + state->growth_ppb / 1e9;
    double grown_s = silent_s * growth + void_s * CLOCK_VOID_PPM / 1e6 + (double)unsure / second;
    return state->root_dispersion + grown_s * 65536;
}

static bool is_out_of_date(const struct ntp_state *state, uint64_t tsc, double silent_s,
                           double dispersion)
{
    bool is_void = state->jump_tsc != 0 && (int64_t)(tsc - state->jump_tsc) >= 0;
    return is_void || silent_s > CLOCK_SILENCE_MAX_S || dispersion >= CLOCK_DISPERSION_MAX;
}

bool clock_is_marked(const struct ntp_state *state, uint64_t tsc)
{
    if (state->leap == LEAP_UNKNOWN || state->tsc_hz == 0)
        return true;
    double silent_s = silence_s(state, tsc);
    return is_out_of_date(state, tsc, silent_s, grown(state, tsc, silent_s, 0));
}

struct ntp_state clock_aged(const struct ntp_state *state, uint64_t tsc, uint64_t unsure)
{
    struct ntp_state aged = *state;
    if (state->tsc_hz == 0)
        return aged;

    double silent_s = silence_s(state, tsc);
    double dispersion = grown(state, tsc, silent_s, unsure);
    uint32_t whole = (uint32_t)dispersion;
    aged.root_dispersion =
        dispersion >= CLOCK_DISPERSION_MAX ? CLOCK_DISPERSION_MAX : whole + (whole < dispersion);
    if (is_out_of_date(state, tsc, silent_s, dispersion))
        aged.leap = LEAP_UNKNOWN;
    return aged;
}

bool clock_is_stale(const struct ntp_state *state, uint64_t ticks)
{
    return ticks > state->tsc_hz / 1000 * CLOCK_STALE_MS;
}
