// When a frame left, by the stamp that the port has got for it. Never later than it truly left:
// what the lines leave open is taken off (RSP-12). Arithmetic only. Pure; any thread.
#pragma once

#include "board/ntp_state.h"
#include "board/stamp_line.h"
#include "dataplane/port/burst.h"

// UTC of the departure, and *left the same as a reading of the TSC. 0: nobody knows when it left,
// and *left is departure->tsc. ns_per_tick is the TSC's. own is the line of the device's clock: a
// stamp of that clock is refused (IL-10) while there is no line, and when by the line it is from
// before the frame was sent or from after it was read.
ntp_time departed_utc(const struct clock_line *utc, const struct stamp_line *own,
                      double ns_per_tick, const struct port_departure *departure, uint64_t *left);
