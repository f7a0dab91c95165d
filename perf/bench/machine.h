// The machine of a bench: its clocks and its description. One thread.
#pragma once

#include <jansson.h>

// Measures the TSC against the kernel's clock, and the core's clock against the TSC: in a chain of
// dependent additions, each takes one core cycle.
void machine_clocks(double *tsc_hz, double *core_per_tsc);

// Describes the machine, without its name.
json_t *machine_json(double tsc_hz, double core_per_tsc);
