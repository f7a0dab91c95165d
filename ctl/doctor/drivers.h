// What is known of a driver. Pure.
#pragma once

#include <stdbool.h>

// Do its kernels of today run XDP programs in the driver, and receive into a socket's buffers?
// False for a driver that is not known here.
bool driver_runs_programs(const char *name);
bool driver_has_zero_copy(const char *name);
