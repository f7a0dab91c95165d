// The sending half of a load: chooses the next request, writes it and authenticates it.
#pragma once

#include "perf/load/load.h"

// If the burst is empty, fills it with the requests that are due soon.
void load_out_prepare(struct load *load, uint64_t now);
