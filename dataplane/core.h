// One polling core: its port, its copies of what control publishes, its packets. core_turn() is a
// packet's life, read from top to bottom. No DPDK, no system call, no log.
//
// A struct core belongs to one thread. It holds key material: ordinary memory, locked by its owner,
// never EAL memory.
#pragma once

#include "board/counters.h"
#include "board/keyring.h"
#include "board/ntp_state.h"
#include "crypto/exchange.h"
#include "crypto/rng.h"
#include "dataplane/clock/turn_time.h"
#include "dataplane/policy.h"
#include "dataplane/port/port.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/exchange.h"

#include <stdbool.h>
#include <stdint.h>

// What a core is made of; all of it outlives the core and stays the caller's.
struct core_setup {
    struct port *port;                 // this core's alone
    const struct snapshot *keyring;    // control writes, this core reads
    const struct snapshot *ntp_state;  // housekeeping writes: control's, as it is believed
    const struct snapshot *stamps;     // housekeeping writes: the line of the port's stamps
    struct core_counters *counters;    // this core writes, control reads
    struct exchange_kernels kernels;   // of the crypto
    const struct policy_place *policy; // housekeeping writes; there is one published
};

struct core {
    struct core_setup is;
    struct keyring_view keys;
    struct ntp_state_view state;
    struct stamp_line_view stamps;
    struct policy_hold policy;
    struct rng rng; // the owner reseeds it (rng_reseed) between turns, from this thread
    struct turn_time time;
    struct batch batch;
    struct exchange_work work;
};

// Makes a core that has read nothing yet and whose generator is not seeded: it answers nothing
// until control has published, and no NTS request until it is seeded.
void core_open(struct core *core, const struct core_setup *setup);

// Reads what control and housekeeping have published since: a load each when they have not.
// core_turn does so when there are packets; the caller does it on idle turns too, so that a retired
// key is wiped from an idle core, and a policy before the last one can be freed.
void core_refresh(struct core *core);

// Receives one burst, answers it and counts it. False when there was nothing: then only the time
// of asking is noted. The heartbeat is the caller's.
bool core_turn(struct core *core);

// Wipes keys and generator. The port stays open.
void core_close(struct core *core);
