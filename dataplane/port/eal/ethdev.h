// One queue of one DPDK device: ethdev.c moves its packets, device.c makes it.
#pragma once

#include "dataplane/port/port.h"

#include <stdatomic.h>
#include <stdbool.h>

struct rte_mbuf;
struct rte_mempool;

struct port {
    _Alignas(64) uint16_t device; // DPDK's number
    uint16_t queue;
    uint16_t n_spare;
    bool stamps; // frames have a stamp of their arrival (steer.h)
    struct rte_mempool *pool;
    const struct address_set *addresses; // NULL: the XDP program has already checked the address

    // Buffers for replies. A turn takes as many as it receives frames, and gets one back for each.
    struct rte_mbuf *spare[LANES];

    // What is lent, by lane. Owner: the burst, from port_rx until port_tx or port_drop.
    struct rte_mbuf *request[LANES];
    struct rte_mbuf *reply[LANES];

    // Turns in which the pool had no buffer for a reply. Writer: the core, relaxed. Reader:
    // housekeeping.
    _Atomic uint64_t starved;

    // Frames with and without a stamp, on a port that stamps. Writer: the core, relaxed. Reader:
    // housekeeping.
    _Atomic uint64_t stamped;
    _Atomic uint64_t unstamped;
};

// Gives the spare buffers back to the pool. The device is stopped.
void port_empty(struct port *port);
