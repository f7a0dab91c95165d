// The clock state that the cores serve: control's record, compared with CLOCK_REALTIME before any
// core sees it, and again at each check for as long as it is served. A wrong record is passed on
// with leap 3 until it is right again. Housekeeping's thread.
//
// The cores read this relay and not control's record, so that no wrong line is served as right even
// for a moment. The cost: they see a new line up to 50 ms after control publishes it.
#pragma once

#include "board/board.h"
#include "dataplane/stamp_clock.h"

#include <stdbool.h>

enum { CLOCK_RELAY_MS = 50 }; // between two checks

struct clock_relay {
    const struct snapshot *from;   // struct ntp_state: control writes
    struct board_dataplane *board; // ntp_state, ntp_state_smeared, clock_doubted: the relay writes
    const struct stamp_clock *stamps; // the TSC's rate
    struct ntp_state_view view;
    bool has_state;            // view holds a state
    bool doubted;              // the last record was passed on as doubted
    bool smear_doubted;        // likewise, to the cores of ports that smear
    uint32_t generation;       // of the line: another one after each step
    uint32_t smear_generation; // likewise, of the smeared line, for which a leap second is no step
    uint32_t doubts;           // in a row
};

// Makes the first check. All arguments must outlive the relay.
void clock_relay_open(struct clock_relay *relay, const struct snapshot *from,
                      struct board_dataplane *board, const struct stamp_clock *stamps);

// Checks again: passes on a new record, and a record that has become wrong or right.
void clock_relay_turn(struct clock_relay *relay);
