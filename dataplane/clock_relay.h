// What the cores serve of the clock: control's record, held against CLOCK_REALTIME before any core
// sees it, and again at each look for as long as it is served. What is wrong is passed on as leap 3
// until it is right again. Housekeeping's thread.
//
// The cores read this relay and not control, so that no wrong line is served as right even for a
// moment. It costs that they have a new line up to 50 ms later than control publishes it.
#pragma once

#include "board/board.h"
#include "dataplane/stamp_clock.h"

#include <stdbool.h>

enum { CLOCK_RELAY_MS = 50 }; // between two looks

struct clock_relay {
    const struct snapshot *from;      // struct ntp_state: control writes
    struct board_dataplane *board;    // ntp_state, clock_doubted: the relay writes
    const struct stamp_clock *stamps; // the TSC's rate
    struct ntp_state_view view;
    bool has_state;  // view has one
    bool doubted;    // as passed on last
    uint32_t doubts; // in a row
};

// Looks for the first time. What is given outlives the relay.
void clock_relay_open(struct clock_relay *relay, const struct snapshot *from,
                      struct board_dataplane *board, const struct stamp_clock *stamps);

// Looks again: passes on what is new, or what has become wrong or right.
void clock_relay_turn(struct clock_relay *relay);
