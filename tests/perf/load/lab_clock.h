// The clock of the lab's tests, instead of the machine's: both clocks of `clock_gettime` stand
// still but for a step at each look and for what is waited. So nothing that the load does depends
// on how fast the machine is or what else runs on it. The thread of the load.
#pragma once

#include <stdint.h>

// Lets that time pass.
void lab_clock_wait(uint64_t ns);
