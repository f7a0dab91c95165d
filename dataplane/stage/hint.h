// Beside the fifth stage: which of the cookies with unknown keys are of a fleet's earlier or later
// keys. Only for requests that get a NAK. Runs on a core's own batch.
#pragma once

#include "board/snapshot.h"
#include "dataplane/stage/batch.h"

// Writes batch->hint of these lanes, whose cookies name keys that the keyring does not have. hints:
// the board's struct key_hints_record; NULL: there is none.
void hint(struct batch *batch, lane_set unknown, const struct snapshot *hints);
