// A ring of places between a producer thread and a consumer thread; neither waits. The owner has
// the array of elements.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct ke_ring {
    uint32_t size; // a power of two
    // Writer: the consumer. Reader: the producer, to see free places. Release, acquire.
    _Alignas(64) _Atomic uint32_t taken;
    // Writer: the producer. Reader: the consumer, to see filled places. Release, acquire.
    _Alignas(64) _Atomic uint32_t put;
};

// For the producer: the number of free places.
static inline uint32_t ke_ring_room(struct ke_ring *ring)
{
    return ring->size - (atomic_load_explicit(&ring->put, memory_order_relaxed) -
                         atomic_load_explicit(&ring->taken, memory_order_acquire));
}

// For the producer, when a place is free: the place to fill before ke_ring_put.
static inline uint32_t ke_ring_free_place(struct ke_ring *ring)
{
    return atomic_load_explicit(&ring->put, memory_order_relaxed) & (ring->size - 1);
}

static inline void ke_ring_put(struct ke_ring *ring)
{
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
}

// For the consumer: the number of filled places.
static inline uint32_t ke_ring_filled(struct ke_ring *ring)
{
    return atomic_load_explicit(&ring->put, memory_order_acquire) -
           atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

// For the consumer, when a place is filled: the place to read before ke_ring_take.
static inline uint32_t ke_ring_filled_place(struct ke_ring *ring)
{
    return atomic_load_explicit(&ring->taken, memory_order_relaxed) & (ring->size - 1);
}

static inline void ke_ring_take(struct ke_ring *ring)
{
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
}
