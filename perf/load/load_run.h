// The turn of a load, and its time: one turn takes what has come, judges it, prepares what is soon
// due and sends what is due.
#pragma once

#include "perf/load/load.h"

// Runs the load to its end: until all that was sent is answered or late, or *stop is set. 0 or
// -ENOMEM. load->flow and the result fields of struct load then hold the result.
int load_run(struct load *load);
