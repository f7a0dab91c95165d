// One loop of NTS-KE: accepts from the shared listeners, serves its connections, keeps their
// deadlines. Each loop is a thread; loops share only the listeners, the counters, the limit of
// connections and the accounts of CPU time.
#pragma once

#include "control/ke/ke_loop_state.h"

// 0 or -errno.
int ke_loop_open(struct ke_loop *loop, struct ke_shared *shared);

// Serves until ke_loop_stop. In the loop's own thread.
void ke_loop_run(struct ke_loop *loop);

// Wakes it, to take the terms that have been published. From any thread.
void ke_loop_wake(struct ke_loop *loop);

// From any thread.
void ke_loop_stop(struct ke_loop *loop);

// After the thread has ended: closes the remaining connections and wipes the responder.
void ke_loop_close(struct ke_loop *loop);
