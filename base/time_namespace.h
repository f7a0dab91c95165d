// In a time namespace (a container may have one) CLOCK_MONOTONIC differs from the kernel's own
// clock, of which the kernel's stamps are. time_namespaces(7). Any thread.
#pragma once

#include <stdint.h>

// This process's CLOCK_MONOTONIC minus the kernel's own, in ns; 0 when there is no time namespace.
int64_t time_namespace_ns(void);
