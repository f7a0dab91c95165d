// The receiving half of a load: finds the request of each reply, checks the reply and stores its
// cookies.
#pragma once

#include "perf/load/load.h"

// Handles one burst of replies and returns their number.
unsigned load_in_receive(struct load *load);
