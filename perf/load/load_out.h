// The half of a load that sends: which request is next, its octets, their seals.
#pragma once

#include "perf/load/load.h"

// Fills the burst with what is due within a moment, if it is empty.
void load_out_prepare(struct load *load, uint64_t now);
