// One burst of frames and their replies as a structure of arrays; which of them is meant is always
// a lane_set. The port lends the frames and the reply buffers; a batch belongs to one core.
#pragma once

#include "board/counters.h"
#include "board/ntp_time.h"
#include "crypto/lane_set.h"
#include "dataplane/wire/fields.h"
#include "dataplane/wire/frame.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FRAME_MAX = 1522, // MTU 1500, Ethernet header, two VLAN tags
};

struct batch {
    bool drained; // by port_rx: what had come before it was asked, it has received
    // Filled by port_rx for its lanes.
    uint8_t *frame[LANES]; // from the destination MAC address on
    uint16_t len[LANES];   // octets of frame, without FCS
    uint8_t *reply[LANES]; // room for at least len octets, aligned like frame; content undefined

    // Filled by the core.
    ntp_time arrival[LANES]; // UTC of reception

    // Filled by the stages.
    struct datagram datagram[LANES];           // parse: request and reply have the same places
    struct fields fields[LANES];               // classify: of version 4 packets, all zero in others
    struct authenticator authenticator[LANES]; // classify: of requests with NTS
    uint8_t n_cookies[LANES];                  // exchange: new cookies in the reply
    uint16_t ntp_len[LANES];   // respond, exchange, refuse: octets of the reply from NTP on
    uint16_t reply_len[LANES]; // turn_round: octets of the reply frame
    lane_set ended[OUTCOMES];  // which lanes ended how; disjoint, cleared each turn
};

// The request from its NTP header on, and how long it is.
static inline const uint8_t *batch_request(const struct batch *batch, unsigned lane)
{
    return batch->frame[lane] + batch->datagram[lane].payload_at;
}

static inline uint32_t batch_request_len(const struct batch *batch, unsigned lane)
{
    return batch->datagram[lane].payload_len;
}

// The same place in the reply; there is room for as many octets as the request has.
static inline uint8_t *batch_reply(const struct batch *batch, unsigned lane)
{
    return batch->reply[lane] + batch->datagram[lane].payload_at;
}
