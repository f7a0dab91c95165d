// Writing the headers of the replies.
#include "dataplane/stage/turn_round.h"

lane_set turn_round(struct batch *batch, lane_set lanes)
{
    lane_set passed = 0;
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        if (batch->ntp_len[i] > batch_request_len(batch, i)) {
            batch->ended[DROPPED_LONGER] |= lane_bit(i);
            continue;
        }
        batch->burst.reply_len[i] = (uint16_t)frame_turn_round(
            batch->burst.frame[i], &batch->datagram[i], batch->burst.reply[i], batch->ntp_len[i]);
        passed |= lane_bit(i);
    }
    return passed;
}
