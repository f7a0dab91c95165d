// A port for benches (dataplane/port/port.h): it lends the same frames repeatedly, in bursts of
// LANES. It copies and allocates nothing between open and close. Frames and replies have the
// distance of buffers in DPDK's pools, so that they use the caches in the same way. One thread.
#pragma once

#include "dataplane/port/port.h"

#include <stdint.h>

enum { RING_PORT_FRAMES = 512 }; // more than the L1 cache of a core holds, like a receive ring

// Makes a port with room for RING_PORT_FRAMES frames that answers for ours (NULL: for every
// address). stamped: its frames have stamps; unlike a device's, they are not read from memory. Ends
// the process when there is no memory.
struct port *ring_port_open(const struct address_set *ours, bool stamped);

// Copies a frame to that place.
void ring_port_put(struct port *port, unsigned at, const uint8_t *frame, uint32_t len);

// Shuffles the frames, because otherwise the branch predictor learns the outcome of each.
void ring_port_shuffle(struct port *port);
