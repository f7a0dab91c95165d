// First stage: from frames to NTP packets. RFC 791, RFC 8200, RFC 768. Knows what a frame must be
// to reach this server, but not NTP. Runs on a core's own batch.
#pragma once

#include "dataplane/stage/batch.h"
#include "dataplane/wire/address_set.h"

// Returns the lanes that hold a datagram for this server's port, and finds its parts; the other
// lanes end. ours: the addresses of this server, or NULL when the XDP program has already checked
// them.
lane_set parse(struct batch *batch, lane_set lanes, const struct address_set *ours,
               uint16_t udp_port);
