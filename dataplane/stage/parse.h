// First stage: from frames to NTP packets. RFC 791, RFC 8200, RFC 768. Knows what a frame must be
// to reach this server; not what NTP is. Runs on a core's own batch.
#pragma once

#include "dataplane/stage/batch.h"
#include "dataplane/wire/address_set.h"

// Returns the lanes that hold a datagram for this server's port, and where its parts are; the
// others end. ours: the addresses that are answered for, or NULL when steering has already decided.
lane_set parse(struct batch *batch, lane_set lanes, const struct address_set *ours,
               uint16_t udp_port);
