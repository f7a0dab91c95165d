// The cores' copies of the NTP state.
#include "board/ntp_state.h"

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

    // Control is trusted less than the cores: a stratum or leap that no header can carry is not
    // taken.
    if (state.leap > LEAP_UNKNOWN || state.stratum > 15)
        return false;
    view->state = state;
    return true;
}
