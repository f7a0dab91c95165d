// A ring that this process shares with the kernel, which has the other end: one side writes
// entries and the producer's index, the other reads them and writes the consumer's index. Both
// indexes only rise, and wrap at 2^32. One thread of this process uses a ring.
//
// Barriers: each index is published by a release store and read by an acquire load; the partner is
// the kernel (net/xdp/xsk_queue.h).
#pragma once

#include <stdint.h>

struct ring {
    uint32_t *shared_producer; // written by one side, read by the other
    uint32_t *shared_consumer;
    const uint32_t *flags; // the kernel's: XDP_RING_NEED_WAKEUP
    void *entry;           // struct xdp_desc of the rx and tx ring, else addresses
    uint32_t mask;         // the number of entries - 1
    uint32_t producer;     // our own index, or the kernel's as last seen
    uint32_t consumer;     // likewise
};

// How many entries the kernel has for us, up to most.
static inline uint32_t ring_ready(struct ring *ring, uint32_t most)
{
    uint32_t n = ring->producer - ring->consumer;
    if (n < most) {
        ring->producer = __atomic_load_n(ring->shared_producer, __ATOMIC_ACQUIRE);
        n = ring->producer - ring->consumer;
    }
    return n < most ? n : most;
}

// Those n have been read: the kernel may use their places again.
static inline void ring_release(struct ring *ring, uint32_t n)
{
    ring->consumer += n;
    __atomic_store_n(ring->shared_consumer, ring->consumer, __ATOMIC_RELEASE);
}

// For how many entries there is room, up to most.
static inline uint32_t ring_room(struct ring *ring, uint32_t most)
{
    const uint32_t len = ring->mask + 1;
    uint32_t n = len - (ring->producer - ring->consumer);
    if (n < most) {
        ring->consumer = __atomic_load_n(ring->shared_consumer, __ATOMIC_ACQUIRE);
        n = len - (ring->producer - ring->consumer);
    }
    return n < most ? n : most;
}

// Those n have been written: the kernel may read them.
static inline void ring_publish(struct ring *ring, uint32_t n)
{
    ring->producer += n;
    __atomic_store_n(ring->shared_producer, ring->producer, __ATOMIC_RELEASE);
}

// How many published entries the kernel has not read yet.
static inline uint32_t ring_unread(struct ring *ring)
{
    ring->consumer = __atomic_load_n(ring->shared_consumer, __ATOMIC_ACQUIRE);
    return ring->producer - ring->consumer;
}

// Takes the last n published entries back. Only while the kernel does not read the ring, which the
// caller must know.
static inline void ring_take_back(struct ring *ring, uint32_t n)
{
    ring->producer -= n;
    __atomic_store_n(ring->shared_producer, ring->producer, __ATOMIC_RELEASE);
}
