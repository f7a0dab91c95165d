#include "dataplane/port/eal/pool.h"

#include "dataplane/port/burst.h"

#include <rte_config.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <assert.h>

enum {
    CACHE = 256,
    OBJECT_LEN = 2560, // an upper bound of one buffer with its headers
    BASE_MIB = 48,     // rings, the devices' own structures, alignment
};
static_assert(sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE + 64 + 192 <= OBJECT_LEN,
              "the memory that is reserved covers the pools");
static_assert(FRAME_MAX + 256 + RTE_PKTMBUF_HEADROOM <= RTE_MBUF_DEFAULT_BUF_SIZE,
              "a frame fits one buffer behind XDP's headroom and DPDK's");

uint32_t pool_memory_mib(uint32_t n_queues)
{
    uint64_t pool = (uint64_t)POOL_BUFFERS * OBJECT_LEN;
    return BASE_MIB + (uint32_t)((n_queues * pool + (1 << 20) - 1) >> 20);
}

struct rte_mempool *pool_create(const char *name, int numa_node)
{
    struct rte_pktmbuf_pool_private layout = {.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE};
    // AF_XDP registers the pool's first piece of memory as the whole pool. NO_IOVA_CONTIG makes the
    // pool one piece on 4 KiB pages too.
    struct rte_mempool *pool = rte_mempool_create_empty(
        name, POOL_BUFFERS, sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE, CACHE,
        sizeof(struct rte_pktmbuf_pool_private), numa_node, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
    if (!pool)
        return NULL;
    rte_pktmbuf_pool_init(pool, &layout);
    int n = rte_mempool_populate_default(pool);
    if (n < 0) {
        rte_mempool_free(pool);
        rte_errno = -n;
        return NULL;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
    return pool;
}
