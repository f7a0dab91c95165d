// One thread that moves packets: runs the turns of its queues' cores, writes the heartbeat, and
// takes the seeds that housekeeping leaves. It may sleep while nothing comes; it then still turns
// LOOP_REST_MS apart, so that news of the board reach its cores. Until loop_stop.
//
// loop_open to loop_close belong to housekeeping's thread. loop.c names writer and reader of each
// field that both threads use.
#pragma once

#include "board/board.h"
#include "crypto/exchange.h"
#include "dataplane/policy.h"
#include "dataplane/port/port.h"
#include "dataplane/table/unique.h"
#include "dataplane/watch.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

enum {
    LOOP_REST_MS = 40, // the longest sleep; less than a look of the watch
    LOOP_EMPTY_TURNS =
        1000, // before a sleep: some tens of microseconds to a tenth of a millisecond
    LOOP_PAUSE_US = 1000,
    // The kernel's slack for timers (50 us by default) comes on top of it.
    LOOP_GATHER_US = 100,
    LOOP_NEAR_US = 100, // what comes no later after a burst and its pause is worth gathering
    LOOP_NO_CPU = -1,
};

enum loop_idle {
    LOOP_POLLS,
    LOOP_SLEEPS, // when idle, if all its ports can wake it
    // Sleeps after the first empty turn, and pauses for LOOP_PAUSE_US after each that had frames:
    // at most a burst of each queue a pause, so that no flood takes more than a part of a CPU.
    LOOP_PAUSES,
    // Sleeps after the first empty turn, and pauses for LOOP_GATHER_US after each that emptied its
    // ports of frames, if others came not long before. Then many requests share what a sleep costs.
    // For ports that the kernel stamps: there a request may wait without looking late.
    LOOP_GATHERS,
};

struct loop_setup {
    struct port *const *queues; // that it polls
    uint32_t n_queues;
    int cpu; // to run on; LOOP_NO_CPU: on those that housekeeping may use
    const struct board_control *control;
    const struct snapshot *stamps;    // housekeeping writes: struct stamp_line
    const struct snapshot *ntp_state; // likewise: struct ntp_state
    const struct snapshot *smeared;   // likewise: of ports that smear
    struct core_counters *counters;
    struct key_counters *key_counters; // likewise, by key
    struct exchange_kernels kernels;
    const struct policy_place *policy; // housekeeping writes; a policy has been published
    enum loop_idle idle;
    const struct tables *tables;     // NULL: no interleaved mode
    uint32_t first_number;           // in tables, of the first queue of this core
    struct unique_counter *clients;  // NULL: not counted
    struct limited_sources *limited; // whom its limits refuse
};

// Makes the cores and locks their memory, while the process still has the right to do so; no thread
// yet. 0 or -errno.
int loop_open(const struct loop_setup *setup, struct loop **loop);

// Leaves a fresh seed from the kernel for each core; each core takes it at its next turn. 0 or
// -errno (-EAGAIN: the kernel has no random octets yet; the cores then answer no NTS request).
int loop_reseed(struct loop *loop);

// Starts the thread on its CPU. 0 or -errno.
int loop_start(struct loop *loop);

// For messages: "core 3", "kernel path".
const char *loop_name(const struct loop *loop);

// What its cores count. Any thread may read.
const struct core_counters *loop_counters(const struct loop *loop);

// Reads the thread's state for the watch. 0 or -errno.
int loop_look(const struct loop *loop, struct watch_look *look);

// Frees the policies that none of these n loops uses any more. The n loops must be all loops of
// place.
void loop_free_policies(struct policy_place *place, struct loop *const *loops, uint32_t n);

// Ends the thread and waits for it. No thread uses the ports' queues then.
void loop_stop(struct loop *loop);

// Wipes the cores and frees the loop. The thread has ended. Takes NULL.
void loop_close(struct loop *loop);
