// The half of a load that receives: whose reply it is, what is wrong with it, what it brings.
#pragma once

#include "perf/load/load.h"

// Takes one burst of replies; how many came.
unsigned load_in_receive(struct load *load);
