// The machine that a bench runs on: its clocks, and what it is. One thread.
#pragma once

#include <jansson.h>

// Measures the TSC against the kernel's clock, and the core's clock against the TSC: a chain of
// additions that depend on each other takes a core cycle each.
void machine_clocks(double *tsc_hz, double *core_per_tsc);

// What is worth knowing of the machine, without its name.
json_t *machine_json(double tsc_hz, double core_per_tsc);
