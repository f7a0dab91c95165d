// The cores' copies of the NTP state.
#include "board/ntp_state.h"

enum {
    DISTANCE_MAX = 16 << 16,  // 16 s in NTP short format (RFC 5905: MAXDISP)
    PRECISION_MIN = -32,      // a timestamp's last bit
    VOID_MAX_S = 60,          // a line is watched more often
    RATE_PPM_MAX = 1000,      // between the line and tsc_hz, which control rounds
    SMEAR_RATE_SHARE = 80000, // a smear changes the rate by less than this part: 86399 s or more
};

// Counters of real machines run at 50 MHz to 20 GHz.
#define TSC_HZ_MIN UINT64_C(50000000)
#define TSC_HZ_MAX UINT64_C(20000000000)

// A line whose rate is known no better is no line.
#define GROWTH_PPB_MAX 100000000

// The line must turn one second of ticks into one second: 2^32 units, times 2^CLOCK_RATE_SHIFT.
static bool rates_agree(const struct ntp_state *state)
{
    double second = (double)state->line.rate * (double)state->tsc_hz;
    double off = second / ((double)(UINT64_C(1) << CLOCK_RATE_SHIFT) * 4294967296.0) - 1;
    return off <= RATE_PPM_MAX / 1e6 && off >= -RATE_PPM_MAX / 1e6;
}

// Bound and growth of a line, and how long it may be called exact. The bound is part of the
// dispersion, of which clients are told.
static bool bound_is_sound(const struct ntp_state *state)
{
    uint64_t told_ns = ((uint64_t)state->root_dispersion + 1) * NS_PER_S / 65536;
    uint64_t exact = state->void_after - state->line.tsc_base;
    return state->bound_ns <= told_ns && state->growth_ppb <= GROWTH_PPB_MAX && exact > 0 &&
           exact <= VOID_MAX_S * state->tsc_hz;
}

// A smear of one second, in a day.
static bool smear_is_sound(const struct ntp_state *state)
{
    const int64_t second = INT64_C(1) << 32;
    const int64_t rate_max = (int64_t)(state->line.rate / SMEAR_RATE_SHARE);
    if (state->smear_state == SMEAR_NONE)
        return true;
    return state->smear_state <= SMEAR_LOST && state->smear_of <= LEAP_DELETE &&
           (state->smear_leap == LEAP_NONE || state->smear_leap == LEAP_UNKNOWN) &&
           state->smear >= -second && state->smear <= second && state->smear_rate >= -rate_max &&
           state->smear_rate <= rate_max;
}

bool ntp_state_is_sound(const struct ntp_state *state)
{
    if (state->leap > LEAP_UNKNOWN || state->serving > 1 || state->stratum < 1 ||
        state->stratum > 15 || state->precision > 0 || state->precision < PRECISION_MIN ||
        state->root_delay > DISTANCE_MAX || state->root_dispersion > DISTANCE_MAX)
        return false;
    if (!state->serving)
        return true; // there is no line to check
    return state->tsc_hz >= TSC_HZ_MIN && state->tsc_hz <= TSC_HZ_MAX && rates_agree(state) &&
           bound_is_sound(state) && smear_is_sound(state);
}

void ntp_state_publish(struct snapshot *board, const struct ntp_state *state)
{
    snapshot_publish(board, state, sizeof *state);
}

bool ntp_state_refresh(const struct snapshot *board, struct ntp_state_view *view)
{
    if (!snapshot_moved(board, view->seen))
        return false;

    struct ntp_state state;
    if (!snapshot_read(board, &state, sizeof state, &view->seen))
        return false;

    // The dataplane trusts control less than itself.
    bool sound = ntp_state_is_sound(&state);
    if (sound)
        view->state = state;
    view->refused += !sound;
    return sound;
}
