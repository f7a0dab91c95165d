// The turns of a load: one turn receives and checks replies, prepares requests that are due soon
// and sends those that are due.
#pragma once

#include "perf/load/load.h"

// Runs the load until all requests are answered or late, or *stop is set. 0 or -ENOMEM. load->flow
// and the result fields of struct load then have the result.
int load_run(struct load *load);
