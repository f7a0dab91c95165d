// The CPUs of everything but the polling threads: a core that shares its CPU answers late. Set
// once, in the supervisor, and inherited by all its children; the dataplane's polling threads bind
// themselves to their own CPUs.
#pragma once

#include <stdint.h>

// Forbids these CPUs to the calling thread and to all threads and processes that it starts. Does
// nothing when no CPU would be left. 0 or -errno.
int cpus_leave(const uint32_t *cores, uint32_t n_cores);
