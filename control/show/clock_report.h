// The clock, as a part of the status object and in full. Control's main thread.
#pragma once

#include "control/show/status.h"

#include <jansson.h>

// The clock as it is served: status's member `clock`; null where the role serves none.
json_t *clock_report(const struct status_sources *sources);

// The clocks of the stamps: its member `stamp_clocks`.
json_t *stamp_clocks_report(const struct board_dataplane *board);

// The answer to "clock": who says what of the clock, and how well arrivals and departures are
// known.
json_t *clock_answer(const struct status_sources *sources);
