// Last stage: the headers around a finished reply. RFC 791, RFC 8200, RFC 768. Replies go back to
// the MAC address that the requests came from: no ARP and no routes. Runs on a core's own batch.
#pragma once

#include "dataplane/stage/batch.h"

// Writes Ethernet, IP and UDP of these lanes' replies and sets their reply_len. Returns the lanes
// whose reply is not longer than the request; others end (that would be a bug).
lane_set turn_round(struct batch *batch, lane_set lanes);
