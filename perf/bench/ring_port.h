// A port for benches (dataplane/port/port.h): the same frames again and again, in bursts of LANES.
// Nothing is copied or allocated between opening and closing it. Frames and replies lie as far
// apart as the buffers of DPDK's pools do, so that they compete for the same places of the caches.
// One thread.
#pragma once

#include "dataplane/port/port.h"

#include <stdint.h>

enum { RING_PORT_FRAMES = 512 }; // more than a core's first cache holds, as a receive ring is

// A port with room for RING_PORT_FRAMES frames that answers for ours (NULL: for everything).
// stamped: its frames bear stamps, which are not read from memory as those of a device are. Ends
// the process when there is no memory.
struct port *ring_port_open(const struct address_set *ours, bool stamped);

// Copies a frame to that place.
void ring_port_put(struct port *port, unsigned at, const uint8_t *frame, uint32_t len);

// Deals the frames in another order, or the processor knows by heart how each of them ends.
void ring_port_shuffle(struct port *port);
