// Memory for key material: pages of its own, locked where the limits allow, kept out of core dumps,
// empty in a forked child, wiped when given back. Never EAL memory, which devices may read. Any
// thread.
#pragma once

#include <stddef.h>

// len octets of zeros, aligned to a page, or NULL with errno set. secret_free ends it.
void *secret_alloc(size_t len);

// Locks all memory of this process, what is there and what is still to come, as it is touched;
// warns where it cannot. Once, before keys are read.
void secret_lock_process(void);

// Wipes and returns it. at may be NULL; len is what was asked for.
void secret_free(void *at, size_t len);
