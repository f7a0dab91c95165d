// One queue of one DPDK device: ethdev.c moves its packets, device.c makes it.
#pragma once

#include "board/snapshot.h"
#include "dataplane/port/calls.h"

#include <stdint.h>

struct dpdk_clock;
struct rte_mbuf;
struct rte_mempool;

struct ethdev {
    struct port port;
    uint16_t device; // DPDK's number
    uint16_t queue;
    uint16_t n_spare;
    struct rte_mempool *pool;

    // The clock of the device, which stamps frames; NULL: it stamps none.
    const struct dpdk_clock *clock;

    // A frame whose departure the device will tell: one at a time, and not many a second.
    bool sampling;
    uint64_t sampled_at;  // TSC: it was sent
    uint64_t sample_next; // TSC: the next look at it, or after it the next one

    // Buffers for replies. A turn takes as many as it receives frames, and gets one back for each.
    struct rte_mbuf *spare[LANES];

    // What is lent, by lane. Owner: the burst, from port_rx until port_tx or port_drop.
    struct rte_mbuf *request[LANES];
    struct rte_mbuf *reply[LANES];

    // The newest frame with a stamp (struct choice_stamp), until the clock is known. Writer: the
    // core. Reader: the thread that reads the clock.
    struct snapshot received;
};

// A queue without buffers yet; NULL when there is no memory. Freed with free().
struct ethdev *ethdev_new(uint16_t device, uint16_t queue, const struct address_set *addresses);

// Gives the spare buffers back to the pool. The device is stopped.
void ethdev_empty(struct ethdev *ethdev);
