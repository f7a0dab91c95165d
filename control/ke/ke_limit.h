// How many connections fit into the limit of open files; fewer than wanted are logged. Main thread;
// process-wide.
#pragma once

#include <stdint.h>

enum { KE_LIMIT_RESERVED = 64 }; // descriptors for the rest of the process

// Raises the limit of open files as far as possible, and returns how many of max_connections fit
// beside the descriptors in use and KE_LIMIT_RESERVED more.
uint32_t ke_limit_connections(uint32_t max_connections);

// The same with the limit as it is: ke's filter allows that. Descriptors in use are estimated
// there.
uint32_t ke_limit_fit(uint32_t max_connections);
