// Third stage: the clear part of the replies, header and echoed identifier. RFC 5905, section 7.3;
// RFC 8915, section 5.7. It is written before anything is proven, because it lies under the seal.
// Runs on a core's own batch.
#pragma once

#include "board/ntp_state.h"
#include "crypto/rng.h"
#include "dataplane/stage/batch.h"

// Composes the replies of those lanes, which leave one after another as `leave` says, and sets
// their ntp_len. state is what the server says of its clock now. rng gives the bits below the
// clock's precision; until it is seeded they stay as they are.
void respond(struct batch *batch, lane_set lanes, const struct ntp_state *state,
             struct departures leave, struct rng *rng);
