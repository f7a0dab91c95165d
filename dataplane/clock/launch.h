// The time at which a device is to let a burst go, as a reading of the device's own clock. The line
// of that clock is the one of its receive stamps, used backwards. Pure.
#pragma once

#include "board/stamp_line.h"

#include <stdint.h>

// The reading at that TSC, or up to twice the line's bound later: a device that lets frames go at
// this reading lets none go earlier than at that TSC. 0: there is no line that holds until then.
uint64_t launch_at(const struct stamp_line *line, uint64_t tsc);

// The TSC at that reading, give or take launch_error_ns. There is a line.
uint64_t launch_left(const struct stamp_line *line, uint64_t reading);

// How wrong the line may be at that TSC, in ns.
double launch_error_ns(const struct stamp_line *line, uint64_t tsc);
