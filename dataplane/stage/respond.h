// Third stage: the clear part of the replies, header and echoed identifier. RFC 5905, section 7.3;
// RFC 8915, section 5.7. It is written before the requests are verified, because the reply's tag
// covers it. Runs on a core's own batch.
#pragma once

#include "board/ntp_state.h"
#include "crypto/rng.h"
#include "dataplane/stage/batch.h"

// Composes the replies of those lanes, which leave one after another at the times of `leave`, and
// sets their ntp_len. state is the state of the server's clock now. rng gives the random bits below
// the clock's precision; until it is seeded those bits are not changed.
void respond(struct batch *batch, lane_set lanes, const struct ntp_state *state,
             struct departures leave, struct rng *rng);
