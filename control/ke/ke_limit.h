// How many connections the limit of open files leaves room for. Main thread; process-wide.
#pragma once

#include <stdint.h>

enum { KE_LIMIT_RESERVED = 64 }; // descriptors that the rest of the process lives on

// Raises the limit of open files as far as it goes, and says how many of max_connections fit beside
// the descriptors in use and KE_LIMIT_RESERVED more.
uint32_t ke_limit_connections(uint32_t max_connections);
