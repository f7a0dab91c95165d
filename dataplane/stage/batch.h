// One burst of frames and what the stages know of each, as a structure of arrays. Functions name
// the frames that they mean by a lane_set. A batch belongs to one core.
#pragma once

#include "base/lane_set.h"
#include "board/counters.h"
#include "dataplane/clock/moment.h"
#include "dataplane/port/burst.h"
#include "dataplane/wire/fields.h"
#include "dataplane/wire/frame.h"

#include <stdbool.h>
#include <stdint.h>

struct batch {
    struct burst burst; // the port's: frames and reply buffers

    // Filled by the core. Aligned, as the next arrays are then too: no element lies in two cache
    // lines.
    _Alignas(64) struct moment arrival[LANES];

    // Filled by the stages.
    struct datagram datagram[LANES];           // parse: request and reply have the same places
    struct fields fields[LANES];               // classify: of version 4 packets, all zero in others
    struct authenticator authenticator[LANES]; // classify: of requests with NTS
    uint8_t n_cookies[LANES];                  // exchange: new cookies in the reply
    uint16_t ntp_len[LANES];  // respond, exchange, refuse: octets of the reply from NTP on
    lane_set interleaved;     // classify: may ask for interleaved mode; interleave_find: ask for it
    ntp_time earlier[LANES];  // interleave_find: departures of the replies that some ask about
    lane_set kissed;          // admit: will be answered with a kiss; cleared each turn
    lane_set ended[OUTCOMES]; // which lanes ended how; disjoint, cleared each turn
    lane_set nak[NAK_CAUSES]; // exchange: why lanes are refused; cleared each turn
    uint8_t hint[LANES];      // hint: enum key_hint, of refused lanes with an unknown key
    lane_set older;           // exchange: whose cookie another key than the current one opens;
                              // cleared each turn
    uint8_t key[LANES];       // exchange: of those, that key's place in the view
};

// The request from its NTP header on, and its length.
static inline const uint8_t *batch_request(const struct batch *batch, unsigned lane)
{
    return batch->burst.frame[lane] + batch->datagram[lane].payload_at;
}

static inline uint32_t batch_request_len(const struct batch *batch, unsigned lane)
{
    return batch->datagram[lane].payload_len;
}

// The same place in the reply; there is room for as many octets as the request has.
static inline uint8_t *batch_reply(const struct batch *batch, unsigned lane)
{
    return batch->burst.reply[lane] + batch->datagram[lane].payload_at;
}
