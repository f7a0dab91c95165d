// The calling thread's CPUs.
#include "supervisor/cpus.h"

#include "base/bounds.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>

static_assert((int)CPUS_MAX <= CPU_SETSIZE, "every CPU that may be configured is in a cpu_set_t");

int cpus_leave(const uint32_t *cores, uint32_t n_cores)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        return -errno;
    for (uint32_t i = 0; i < n_cores; i++)
        CPU_CLR(cores[i], &cpus);
    if (CPU_COUNT(&cpus) == 0)
        return 0; // every CPU polls
    return sched_setaffinity(0, sizeof cpus, &cpus) == 0 ? 0 : -errno;
}
