// May a client begin, and what do its turns cost: the lists, and the limits of CPU time. A part of
// a loop: only its thread calls it.
#pragma once

#include "control/ke/ke_loop_state.h"

#include <stdbool.h>

// May a client of that source begin? False, with the reason in *why, which is not counted yet.
bool ke_welcome(struct ke_loop *loop, int fd, const struct ke_source_address *from,
                enum ke_counter *why);

// The loop has woken up: what its thread did before is charged to nobody.
void ke_welcome_measure(struct ke_loop *loop);

// Charges the CPU time since the last call, or since the loop woke up, to the loop, and to a source
// unless that is NULL. Does nothing without a limit of CPU time.
void ke_welcome_charge(struct ke_loop *loop, const struct ke_source_address *from);
