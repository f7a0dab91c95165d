// The results of a turn's packets, as counters. Runs on a core's own batch and page.
#pragma once

#include "board/counters.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"

// Sorts the answered lanes into their outcomes and adds the whole turn to the counters. all: the
// lanes received; answer: the lanes given to the port; sent: the lanes that the port sent.
// Afterwards every lane of all is in exactly one set of batch->ended.
void account(struct core_counters *counters, struct batch *batch, lane_set all,
             struct kinds requested, lane_set doubted, lane_set answer, lane_set sent);

// The same, after account, for the lanes that asked for interleaved mode. interleaved: the lanes
// that got it; exact: the lanes whose departure the port will tell.
void account_interleaved(struct core_counters *counters, const struct batch *batch,
                         lane_set interleaved, lane_set exact);
