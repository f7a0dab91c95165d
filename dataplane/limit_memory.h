// The memory of a loop's limits: their tables, made at its start whether there are limits or not,
// so that they can be switched on later. Housekeeping's thread, while the loop does not run.
#pragma once

#include "dataplane/stage/admit.h"

#include <stdbool.h>
#include <stddef.h>

struct limit_memory {
    struct admit_tables *tables; // zeros
    void *mapped;                // NULL: closed
    size_t len;
};

// Maps the tables. touched: now, so that no request waits for a page; otherwise they are no memory
// before they are used. 0 or -errno.
int limit_memory_open(struct limit_memory *memory, bool touched);

void limit_memory_close(struct limit_memory *memory);
