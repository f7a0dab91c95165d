// One burst of frames and their replies as a structure of arrays; which of them is meant is always
// a lane_set. The port lends the frames and the reply buffers; a batch belongs to one core.
#pragma once

#include "board/counters.h"
#include "board/ntp_time.h"
#include "crypto/lane_set.h"

#include <stdint.h>

enum {
    FRAME_MIN = 14,
    FRAME_MAX =
        1522, // MTU 1500, Ethernet header, two VLAN tags; longer ones end as DROPPED_RUNT's sibling
};

struct batch {
    // Filled by port_rx for its lanes.
    uint8_t *frame[LANES];   // from the destination MAC address on
    uint16_t len[LANES];     // octets of frame, without FCS
    uint8_t *reply[LANES];   // room for at least len octets, aligned like frame; content undefined
    ntp_time arrival[LANES]; // UTC of reception

    // Filled by the stages.
    uint16_t reply_len[LANES]; // octets of the reply frame; set for lanes that are answered
    lane_set ended[OUTCOMES];  // which lanes ended how; disjoint, cleared each turn
};
