// The buffers of one queue: a pool of its own, so that frames and replies stay on one core.
#pragma once

#include <stdint.h>

struct rte_mempool;

enum {
    POOL_BUFFERS = 8191, // fill ring 2048, receive ring 2048, send ring 2048, caches and bursts
};

// The memory that eal_start must provide for that many queues.
uint32_t pool_memory_mib(uint32_t n_queues);

// NULL, with rte_errno set, when there is no memory.
struct rte_mempool *pool_create(const char *name, int numa_node);
