// Fifth stage: replies to requests that could not be verified become NTS NAKs. RFC 8915, section
// 5.7. Runs on a core's own batch.
#pragma once

#include "dataplane/stage/batch.h"

// Rewrites the replies of these lanes, whose clear parts are composed: kiss code NTSN, the
// identifier echoed, no cookie and no authenticator.
void refuse(struct batch *batch, lane_set doubted);

// Likewise for plain requests above their limit: kiss code RATE, which tells a client to ask less
// often. RFC 5905, section 7.4.
void kiss(struct batch *batch, lane_set over);
