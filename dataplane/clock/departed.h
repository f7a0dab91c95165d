// When a frame left, by the stamp that the port has got for it. Never later than it truly left:
// what the lines leave open is taken off (RSP-12). Arithmetic only. Pure; any thread.
#pragma once

#include "board/ntp_state.h"
#include "board/stamp_line.h"
#include "dataplane/port/burst.h"

// Returns the departure in UTC, and sets *left to the same time as a reading of the TSC. Returns 0
// if the departure is not known; *left is then departure->tsc. ns_per_tick is the TSC's. own is the
// line of the device's clock. A stamp of that clock is refused (IL-10) while there is no line, and
// when the line puts it before the frame was sent or after the stamp was read.
ntp_time departed_utc(const struct clock_line *utc, const struct stamp_line *own,
                      double ns_per_tick, const struct port_departure *departure, uint64_t *left);
