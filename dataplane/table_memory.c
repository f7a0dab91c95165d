// One mapping for all tables, in huge pages where the system has some.
#include "dataplane/table_memory.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

static uint32_t number_queues(struct table_memory *memory, const struct ports *ports,
                              uint32_t n_cores)
{
    uint32_t number = 0;
    for (uint32_t core = 0; core < n_cores; core++) {
        struct port *const *queue;
        uint32_t n = ports_of_core(ports, core, &queue);
        memory->first[core] = number;
        for (uint32_t i = 0; i < n; i++, number++)
            if (number < TABLES_QUEUES_MAX)
                memory->tables.of[number] = &memory->pair[core];
    }
    return number;
}

// Aligned, so that all of it can be in huge pages; touched, so that no request waits for a page.
static uint8_t *map(struct table_memory *memory, size_t len)
{
    memory->len = len + HUGE_PAGE;
    void *at = mmap(NULL, memory->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    memory->mapped = at;
    uint8_t *aligned = (uint8_t *)(((uintptr_t)at + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
    (void)madvise(aligned, len, MADV_HUGEPAGE); // best effort
    memset(aligned, 0, len);
    return aligned;
}

int table_memory_open(struct table_memory *memory, const struct ports *ports, uint32_t n_cores)
{
    const size_t each = table_len(TABLE_BUCKETS_LOG2);
    *memory = (struct table_memory){0};
    uint32_t n_queues = number_queues(memory, ports, n_cores);
    if (n_queues == 0)
        return 0;
    if (n_queues > TABLES_QUEUES_MAX) {
        log_warning("interleaved mode is off: the ports have %u queues, and it can serve %u; "
                    "'ethtool -L' sets the queues of an interface",
                    n_queues, (unsigned)TABLES_QUEUES_MAX);
        return 0;
    }
    uint8_t *at = map(memory, 2 * n_cores * each);
    if (!at)
        return -ENOMEM;
    memory->tables.n_queues = n_queues;
    for (uint32_t core = 0; core < n_cores; core++, at += 2 * each) {
        table_open(&memory->pair[core].plain, at, TABLE_BUCKETS_LOG2);
        table_open(&memory->pair[core].nts, at + each, TABLE_BUCKETS_LOG2);
    }
    return 0;
}

const struct tables *table_memory_tables(const struct table_memory *memory)
{
    return memory->mapped ? &memory->tables : NULL;
}

void table_memory_close(struct table_memory *memory)
{
    if (memory->mapped)
        munmap(memory->mapped, memory->len);
    memory->mapped = NULL;
}
