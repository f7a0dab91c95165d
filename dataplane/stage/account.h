// What the packets of a turn came to: the counters. Runs on a core's own batch and page.
#pragma once

#include "board/counters.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"

// Sorts the answered lanes into their outcomes and adds the whole turn to the counters. all: what
// was received; answer: what was given to the port; sent: what it took. Every lane of all is in
// exactly one set of batch->ended afterwards.
void account(struct core_counters *counters, struct batch *batch, lane_set all, struct kinds asked,
             lane_set doubted, lane_set answer, lane_set sent);
