// One polling thread: turns the cores of its queues round, beats, and takes the seeds that
// housekeeping leaves. Until loop_stop.
//
// loop_open to loop_close belong to housekeeping's thread. What both threads touch stands in loop.c
// with who writes and who reads it.
#pragma once

#include "board/board.h"
#include "crypto/exchange.h"
#include "dataplane/policy.h"
#include "dataplane/port/ports.h"
#include "dataplane/watch.h"

#include <stdint.h>

struct loop;

struct loop_setup {
    const struct ports *ports;
    uint32_t index; // of the core among the configured ones
    uint32_t cpu;
    const struct board_control *control;
    const struct snapshot *stamps;    // housekeeping writes: struct stamp_line
    const struct snapshot *ntp_state; // likewise: struct ntp_state
    struct core_counters *counters;
    struct exchange_kernels kernels;
    const struct policy_place *policy; // housekeeping writes; there is one published
};

// Makes the cores and locks their memory, while there is the right to do so; no thread yet. 0 or
// -errno.
int loop_open(const struct loop_setup *setup, struct loop **loop);

// Leaves a fresh seed from the kernel for each core; they take it at their next turn. 0 or -errno
// (-EAGAIN: the kernel has no randomness yet; the cores then answer no NTS request).
int loop_reseed(struct loop *loop);

// Starts the thread on its CPU. 0 or -errno.
int loop_start(struct loop *loop);

// What there is to see of the thread now. 0 or -errno.
int loop_look(const struct loop *loop, struct watch_look *look);

// Frees the policies that none of these n loops goes by any more. All of place's loops are there.
void loop_free_policies(struct policy_place *place, struct loop *const *loops, uint32_t n);

// Ends the thread and waits for it. The ports' queues are then nobody's.
void loop_stop(struct loop *loop);

// Wipes. The thread has ended. Takes NULL.
void loop_close(struct loop *loop);
