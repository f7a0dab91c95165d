// The floors as rows of a bench. One thread.
#pragma once

#include "perf/bench/bench.h"

// Adds the row of the floor of that variant for requests with that many cookies; NULL when the
// variant has none.
const struct bench_row *floor_row_add(struct bench *bench, const char *variant, unsigned cookies);
