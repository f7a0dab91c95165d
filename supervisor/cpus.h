// Which CPUs all but the polling threads use: a core that shares its CPU answers late. Set once, in
// the supervisor, and inherited by whatever it starts; the dataplane's polling threads bind
// themselves to their own.
#pragma once

#include <stdint.h>

// Takes these CPUs out of those on which the calling thread, and whatever it starts, may run.
// Nothing happens when none would be left. 0 or -errno.
int cpus_leave(const uint32_t *cores, uint32_t n_cores);
