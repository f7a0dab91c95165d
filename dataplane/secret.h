// Memory for keys: ordinary pages, locked, out of core dumps, wiped in a forked child. Never EAL
// memory, which devices may read. Any thread.
#pragma once

#include <stddef.h>

// size octets of zeros, aligned to a page. NULL when there are none. A page that cannot be locked
// is given all the same, with a warning: the process is not dumpable either way.
void *secret_alloc(size_t size);

// Wipes and releases. Takes NULL.
void secret_free(void *at, size_t size);
