// How a loop of NTS-KE takes connections from its listeners: whose it accepts, and what it does
// when the system has no more. A part of a loop: only its thread calls it.
#pragma once

#include "control/ke/ke_loop_state.h"

#include <stdbool.h>

// True when more may wait.
bool ke_accept_some(struct ke_loop *loop, int listener);
