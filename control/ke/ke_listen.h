// When a loop of NTS-KE takes connections from its listeners: it pauses while there are too many,
// while it has spent its share of CPU time, and when the system has no more. A part of a loop: only
// its thread calls it.
#pragma once

#include "control/ke/ke_loop_state.h"

#include <stdbool.h>
#include <stdint.h>

// Watches the listeners of its terms. 0 or -errno.
int ke_listen_watch(struct ke_loop *loop);

// Ends that, before the terms change.
void ke_listen_unwatch(struct ke_loop *loop);

// Connections meanwhile wait in the listeners' backlogs, where they cost nothing, and are served
// when there is room. That is better than a refusal, after which RFC 8915 makes a client wait long.
void ke_listen_pause(struct ke_loop *loop, enum ke_counter why, uint64_t ns);

// Pauses when the loop has spent its share of CPU time.
void ke_listen_keep_share(struct ke_loop *loop);

// Goes on after a pause that is over.
void ke_listen_resume(struct ke_loop *loop);

// Takes a place among the connections that may be open, of all loops together: before accept, so
// that there is never a connection too many. False: there is none.
bool ke_listen_take_place(struct ke_loop *loop);
void ke_listen_return_place(struct ke_loop *loop);
