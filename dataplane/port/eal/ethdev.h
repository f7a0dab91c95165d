// One queue of one DPDK device: ethdev.c moves its packets, device.c makes it.
#pragma once

#include "dataplane/port/calls.h"

#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

struct ethdev {
    struct port port;
    uint16_t device; // DPDK's number
    uint16_t queue;
    uint16_t n_spare;
    struct rte_mempool *pool;

    // Buffers for replies. A turn takes as many as it receives frames, and gets one back for each.
    struct rte_mbuf *spare[LANES];

    // What is lent, by lane. Owner: the burst, from port_rx until port_tx or port_drop.
    struct rte_mbuf *request[LANES];
    struct rte_mbuf *reply[LANES];
};

// A queue without buffers yet; NULL when there is no memory. Freed with free().
struct ethdev *ethdev_new(uint16_t device, uint16_t queue, const struct address_set *addresses);

// Gives the spare buffers back to the pool. The device is stopped.
void ethdev_empty(struct ethdev *ethdev);
