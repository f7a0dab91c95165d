// The results of a turn's packets, as counters. Runs on a core's own batch and page.
#pragma once

#include "board/counters.h"
#include "board/key_counters.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"
#include "dataplane/table/unique.h"

// Sorts the answered lanes into their outcomes and adds the whole turn to the counters. all: the
// lanes received; answer: the lanes given to the port; sent: the lanes that the port sent.
// Afterwards every lane of all is in exactly one set of batch->ended. Returns how many cookies were
// sealed in the replies that were sent.
uint64_t account(struct core_counters *counters, struct batch *batch, lane_set all,
                 struct kinds requested, lane_set doubted, lane_set answer, lane_set sent);

// The same by key, after it, for a turn with NTS replies. row: of each key of the view, by its
// place there; current: the place of the one that has sealed those cookies.
void account_keys(struct key_counters *counters, const uint8_t *row, uint32_t current,
                  const struct batch *batch, uint64_t sealed);

// Counts the sources of those lanes as clients: their addresses, of IPv6 the /64. NULL: does not
// count. The frames are still lent.
void account_clients(struct unique_counter *clients, const struct batch *batch, lane_set lanes);

// The same as account, after it, for the lanes that asked for interleaved mode. interleaved: the
// lanes that got it; exact: the lanes whose departure the port will tell.
void account_interleaved(struct core_counters *counters, const struct batch *batch,
                         lane_set interleaved, lane_set exact);
