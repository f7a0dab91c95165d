// The cores' copies of the NTP state.
#include "board/ntp_state.h"

enum {
    DISTANCE_MAX = 16 << 16, // 16 s in NTP short format (RFC 5905: MAXDISP)
    PRECISION_MIN = -32,     // a timestamp's last bit
    RATE_PPM_MAX = 1000,     // between the line and tsc_hz, which control rounds
};

// Counters of real machines run at 50 MHz to 20 GHz.
#define TSC_HZ_MIN UINT64_C(50000000)
#define TSC_HZ_MAX UINT64_C(20000000000)

// The line must turn one second of ticks into one second: 2^32 units, times 2^CLOCK_RATE_SHIFT.
static bool rates_agree(const struct ntp_state *state)
{
    double second = (double)state->line.rate * (double)state->tsc_hz;
    double off = second / ((double)(UINT64_C(1) << CLOCK_RATE_SHIFT) * 4294967296.0) - 1;
    return off <= RATE_PPM_MAX / 1e6 && off >= -RATE_PPM_MAX / 1e6;
}

bool ntp_state_is_sound(const struct ntp_state *state)
{
    if (state->leap > LEAP_UNKNOWN || state->serving > 1 || state->stratum < 1 ||
        state->stratum > 15 || state->precision > 0 || state->precision < PRECISION_MIN ||
        state->root_delay > DISTANCE_MAX || state->root_dispersion > DISTANCE_MAX)
        return false;
    if (!state->serving)
        return true; // there is no line to check
    return state->tsc_hz >= TSC_HZ_MIN && state->tsc_hz <= TSC_HZ_MAX && rates_agree(state);
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
