// The places of a ring between two threads: one puts, one takes, neither waits. What lies in the
// places is an array of the owner's.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct ke_ring {
    uint32_t size; // a power of two
    // Writer: who takes. Reader: who puts, to learn that a place is free: release, acquire.
    _Alignas(64) _Atomic uint32_t taken;
    // Writer: who puts. Reader: who takes, to learn that a place is filled: release, acquire.
    _Alignas(64) _Atomic uint32_t put;
};

// For who puts: free places.
static inline uint32_t ke_ring_room(struct ke_ring *ring)
{
    return ring->size - (atomic_load_explicit(&ring->put, memory_order_relaxed) -
                         atomic_load_explicit(&ring->taken, memory_order_acquire));
}

// For who puts, when there is room: the place to fill before ke_ring_put.
static inline uint32_t ke_ring_free_place(struct ke_ring *ring)
{
    return atomic_load_explicit(&ring->put, memory_order_relaxed) & (ring->size - 1);
}

static inline void ke_ring_put(struct ke_ring *ring)
{
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
}

// For who takes: filled places.
static inline uint32_t ke_ring_filled(struct ke_ring *ring)
{
    return atomic_load_explicit(&ring->put, memory_order_acquire) -
           atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

// For who takes, when one is filled: the place to empty before ke_ring_take.
static inline uint32_t ke_ring_filled_place(struct ke_ring *ring)
{
    return atomic_load_explicit(&ring->taken, memory_order_relaxed) & (ring->size - 1);
}

static inline void ke_ring_take(struct ke_ring *ring)
{
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
}
