// CPU time of a process and all its descendants, from /proc. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Seconds so far, including children that have ended. False when there is no such process.
bool process_cpu(uint32_t pid, double *seconds);
