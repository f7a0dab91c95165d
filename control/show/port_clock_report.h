// How the ports know when requests arrived: a part of the answer to "clock". Control's main thread.
#pragma once

#include "board/board.h"

#include <jansson.h>

// An array. now: a reading of the TSC.
json_t *port_clocks_report(const struct board_dataplane *board, const struct ntp_state *state,
                           uint64_t now);
