// Which requests are answered at all, as the operator wants it. Runs on a core's own batch.
#pragma once

#include "base/prefixes.h"
#include "dataplane/stage/batch.h"

// Second stage: returns the lanes whose source is in the set; the others end without a reply. NULL:
// all sources are answered.
lane_set allow(struct batch *batch, lane_set lanes, const struct prefixes *sources);
