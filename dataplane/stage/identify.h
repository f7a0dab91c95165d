// After respond: tells clients that ask for it which instance answers, by an extension field of the
// clear part: the seal of a reply with NTS covers it. RFC 7822. Runs on a core's own batch.
#pragma once

#include "dataplane/stage/batch.h"

// Appends the field to the replies of those lanes whose requests ask for it, which respond() has
// composed. id: FIELD_INSTANCE_ID_LEN octets.
void identify(struct batch *batch, lane_set lanes, const uint8_t *id);
