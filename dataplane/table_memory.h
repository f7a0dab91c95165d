// The memory of interleaved mode: two tables for each core (dataplane/table/), made once at the
// start and as large from then on. Housekeeping's thread, while no core runs.
#pragma once

#include "base/bounds.h"
#include "dataplane/port/ports.h"
#include "dataplane/table/tables.h"

#include <stddef.h>
#include <stdint.h>

struct table_memory {
    struct tables tables;
    struct table_pair pair[CORES_MAX];
    uint32_t first[CORES_MAX]; // the number of each core's first queue
    void *mapped;              // NULL: there are no tables
    size_t len;
};

// Makes the tables of those cores, and numbers their queues. Nothing is made, with a message, when
// the ports have more queues than numbers. 0 or -errno.
int table_memory_open(struct table_memory *memory, const struct ports *ports, uint32_t n_cores);

// The tables for the cores, or NULL.
const struct tables *table_memory_tables(const struct table_memory *memory);

void table_memory_close(struct table_memory *memory);
