// Overload: what is left out first while a port has more frames than its core can answer. The
// device drops the newest frames then, whatever they are; the ladder makes room for requests with
// NTS by leaving out what costs least:
//
//   rung 1  from 1 ms of pressure on: no kisses, no NAKs
//   rung 2  from 5 ms on: of plain requests whose source has an account, only the leak is answered
//   rung 3  from 20 ms on: of all plain requests, a share that halves every 5 ms
//
// Pressure is time in which the port is not drained from one poll to the next. It falls 16 times
// more slowly than it rises, and not above OVERLOAD_MOST_MS. So the share settles where the port is
// drained most of the time. Arithmetic only. A struct overload belongs to one thread.
#pragma once

#include "board/counters.h"

#include <assert.h>
#include <stdint.h>

enum overload_rung {
    OVERLOAD_NONE,
    OVERLOAD_NO_NAKS,
    OVERLOAD_LEAK,
    OVERLOAD_SHARE,
};
static_assert((int)OVERLOAD_SHARE == (int)OVERLOAD_LADDER, "each rung has a counter");

enum {
    OVERLOAD_NO_NAKS_MS = 1,
    OVERLOAD_LEAK_MS = 5,
    OVERLOAD_SHARE_MS = 20,
    OVERLOAD_HALF_MS = 5,
    OVERLOAD_HALVES = 8,
    OVERLOAD_MOST_MS = OVERLOAD_SHARE_MS + OVERLOAD_HALVES * OVERLOAD_HALF_MS,
    OVERLOAD_FALL = 16,
    OVERLOAD_ONE = 65536, // the share of which all are answered
};

// All zero at first.
struct overload {
    uint64_t seen;     // TSC of the last turn; 0: none yet
    uint64_t pressure; // ticks
};

// A turn at that time. full: how many polls in a row have not drained the port, this one included.
enum overload_rung overload_note(struct overload *overload, uint64_t tsc, uint64_t tsc_hz,
                                 uint32_t full);

// The share of plain requests that is answered on the third rung, in 1/OVERLOAD_ONE: never 0.
uint32_t overload_share(const struct overload *overload, uint64_t tsc_hz);
