// The results of a turn's packets, as counters. Runs on a core's own batch and page.
#pragma once

#include "board/counters.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"
#include "dataplane/table/unique.h"

// Sorts the answered lanes into their outcomes and adds the whole turn to the counters. all: the
// lanes received; answer: the lanes given to the port; sent: the lanes that the port sent.
// Afterwards every lane of all is in exactly one set of batch->ended.
void account(struct core_counters *counters, struct batch *batch, lane_set all,
             struct kinds requested, lane_set doubted, lane_set answer, lane_set sent);

// Counts the sources of those lanes as clients: their addresses, of IPv6 the /64. NULL: does not
// count. The frames are still lent.
void account_clients(struct unique_counter *clients, const struct batch *batch, lane_set lanes);

// The same as account, after it, for the lanes that asked for interleaved mode. interleaved: the
// lanes that got it; exact: the lanes whose departure the port will tell.
void account_interleaved(struct core_counters *counters, const struct batch *batch,
                         lane_set interleaved, lane_set exact);
