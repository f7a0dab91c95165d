// Memory for key material: pages of its own, locked where the limits allow, kept out of core dumps,
// zero in a forked child, wiped when freed. Never EAL memory, which devices may read. Any thread.
#pragma once

#include <stddef.h>

// len octets of zeros, aligned to a page, or NULL with errno set. Freed with secret_free.
void *secret_alloc(size_t len);

// Locks all memory of this process, present and future, as it is touched; logs a warning where it
// cannot. Call it once, before keys are read.
void secret_lock_process(void);

// Wipes and frees it. at may be NULL; len is the length given to secret_alloc.
void secret_free(void *at, size_t len);
