// How a loop of NTS-KE takes connections from its listeners: whose it accepts, when it waits, and
// what it does when the system has no more. A part of ke_loop.c: only a loop calls it.
#pragma once

#include "board/ke_counters.h"
#include "control/ke/ke_loop.h"

#include <stdbool.h>
#include <stdint.h>

// Watches the listeners of its terms. 0 or -errno.
int ke_accept_watch(struct ke_loop *loop);

// Ends that, before the terms change.
void ke_accept_unwatch(struct ke_loop *loop);

// Connections meanwhile wait in the listeners' backlogs, where they cost nothing, and are served
// when there is room. That is better than a refusal, after which RFC 8915 makes a client wait long.
void ke_accept_pause(struct ke_loop *loop, enum ke_counter why, uint64_t ns);

// Pauses when the loop has spent its share of CPU time.
void ke_accept_keep_share(struct ke_loop *loop);

// Goes on after a pause that is over.
void ke_accept_resume(struct ke_loop *loop);

// True when more may wait.
bool ke_accept_some(struct ke_loop *loop, int listener);

// May a client of that source begin? False, with the reason in *why, which is not counted yet.
bool ke_accept_is_welcome(struct ke_loop *loop, int fd, const struct ke_source_address *from,
                          enum ke_counter *why);

// Gives back the place that an accepted connection has among those that may be open.
void ke_accept_return_place(struct ke_loop *loop);
