// Which requests are answered at all, as the operator wants it. Runs on a core's own batch.
#pragma once

#include "base/prefixes.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"

// Second stage: returns the lanes whose source is in the set; the others end without a reply. NULL:
// all sources are answered.
lane_set allow(struct batch *batch, lane_set lanes, const struct prefixes *sources);

// After classify: ends those of the lanes that are plain requests. The others stay, also those with
// NTS that will turn out not to be genuine: they get a NAK.
struct kinds demand_nts(struct batch *batch, struct kinds kinds, lane_set lanes);
