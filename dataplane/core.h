// One polling core: its port, its copies of what control publishes, its packets. core_turn() shows
// all steps of a packet's life, from top to bottom. No DPDK, no system call, no log.
//
// A struct core belongs to one thread. It holds key material: ordinary memory, locked by its owner,
// never EAL memory.
#pragma once

#include "board/counters.h"
#include "board/key_counters.h"
#include "board/keyring.h"
#include "board/ntp_state.h"
#include "crypto/exchange.h"
#include "crypto/rng.h"
#include "dataplane/clock/turn_time.h"
#include "dataplane/policy.h"
#include "dataplane/port/port.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/exchange.h"
#include "dataplane/stage/interleave.h"
#include "dataplane/table/unique.h"

#include <stdbool.h>
#include <stdint.h>

// What a core works with; all of it outlives the core and stays the caller's.
struct core_setup {
    struct port *port;                 // this core's alone
    const struct snapshot *keyring;    // control writes, this core reads
    const struct snapshot *key_hints;  // likewise; NULL: there are none
    const struct snapshot *ntp_state;  // housekeeping writes: control's state, after the check, and
                                       // with the smear on a port that smears
    const struct snapshot *stamps;     // housekeeping writes: the line of the stamps' clock
    const struct snapshot *own_clock;  // likewise: of the port's own clock; NULL: it has none
    struct core_counters *counters;    // this core writes, control reads
    struct key_counters *key_counters; // likewise; NULL: keys are not counted
    struct exchange_kernels kernels;   // the crypto kernels
    const struct policy_place *policy; // housekeeping writes; a policy has been published
    const struct tables *tables;       // shared by all cores; NULL: no interleaved mode
    uint32_t number;                   // of this core's queue, in tables
    struct unique_counter *clients;    // counted by this core's thread; NULL: not counted
    struct admit *admit;               // of this thread's cores together; NULL: no limits
};

struct core {
    struct core_setup is;
    struct keyring_view keys;
    uint8_t key_row[COOKIE_KEYS_MAX]; // of each key of the view, in key_counters
    struct ntp_state_view state;
    struct stamp_line_view stamps;
    struct stamp_line_view own_clock;
    struct policy_hold policy;
    struct rng rng; // the owner reseeds it (rng_reseed) between turns, from this thread
    struct turn_time time;
    struct interleave interleave;
    uint32_t promised; // departures that the port has not told yet
    struct receive_stamps receive_stamps;
    struct batch batch;
    struct exchange_work work;
};

// Makes a core that has read nothing yet and whose generator is not seeded: it answers nothing
// until control has published, and no NTS request until it is seeded.
void core_open(struct core *core, const struct core_setup *setup);

// Reads what control and housekeeping have published since the last call; without news that is one
// load for each. core_turn calls it when there are packets. The caller calls it on idle turns, so
// that a retired key is wiped from an idle core too, and a replaced policy can be freed.
void core_refresh(struct core *core);

// Receives one burst, answers it and counts it. False when there were no frames: then only the time
// of the poll is noted. The caller counts the heartbeat.
bool core_turn(struct core *core);

// Wipes keys and generator. The port stays open.
void core_close(struct core *core);
