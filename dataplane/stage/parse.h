// First stage: from frames to NTP packets. RFC 791, RFC 8200, RFC 768. Knows what a frame must be
// to reach this server, but not NTP. Runs on a core's own batch.
#pragma once

#include "dataplane/stage/batch.h"
#include "dataplane/wire/address_set.h"
#include "dataplane/wire/udp_ports.h"

// Returns the lanes that hold a datagram for one of this server's ports, and finds its parts; the
// other lanes end. ours: the addresses of this server, or NULL when the XDP program has already
// checked them.
lane_set parse(struct batch *batch, lane_set lanes, const struct address_set *ours,
               struct udp_ports ports);

// Of lanes that parse has returned: those whose datagram is to that port.
lane_set parse_to_port(const struct batch *batch, lane_set lanes, uint16_t port);
