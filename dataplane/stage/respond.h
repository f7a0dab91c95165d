// Third stage: the clear part of the replies, header and echoed identifier. RFC 5905, section 7.3;
// RFC 8915, section 5.7. It is written before the requests are verified, because the reply's tag
// covers it. Runs on a core's own batch.
#pragma once

#include "board/ntp_state.h"
#include "crypto/rng.h"
#include "dataplane/stage/batch.h"

// The receive timestamps of one queue: odd, with the queue's number in the bits above the tag
// (dataplane/table/tables.h), and each later than the one before (IL-5).
struct receive_stamps {
    uint64_t mask; // the bits of tag and number
    uint64_t tag;  // their value
    ntp_time last;
};

// Composes the replies of those lanes, which leave one after another at the times of `leave`, and
// sets their ntp_len. state is the state of the server's clock now. rng gives the random bits below
// the clock's precision; until it is seeded they are 0. A receive timestamp is not earlier than the
// arrival, and a transmit timestamp not later than the departure (RSP-12): the former are rounded
// up, the latter down.
void respond(struct batch *batch, lane_set lanes, const struct ntp_state *state,
             struct departures leave, struct rng *rng, struct receive_stamps *stamps);
