// CPU time of a process and all that descend from it, from /proc. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Seconds so far, of children that have ended too. False when there is no such process.
bool process_cpu(uint32_t pid, double *seconds);
