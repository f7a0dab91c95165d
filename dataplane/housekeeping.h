// The one thread that does not poll: it writes the heartbeat, watches the cores, seeds them, reads
// the stamps' clocks, checks and passes on control's clock, frees old policies, counts clients,
// follows addresses and links, and reads the link to the supervisor, which also brings reloads.
#pragma once

#include "board/board.h"
#include "dataplane/clients.h"
#include "dataplane/clock_relay.h"
#include "dataplane/loop.h"
#include "dataplane/nic_clock.h"
#include "dataplane/policy.h"
#include "dataplane/port/ports.h"
#include "dataplane/stamp_clock.h"
#include "link/child_reload.h"

#include <stdint.h>

// The polling cores, and the thread of the kernel's path.
enum { HOUSEKEEPING_LOOPS_MAX = CORES_MAX + 1 };

struct housekeeping {
    struct board_dataplane *board;
    struct ports *ports;
    struct stamp_clock *stamps;
    struct clock_relay *clock;
    struct nic_clock *nic; // of the ports that have one
    uint32_t n_nic;
    struct policy_place *policy; // of these loops
    struct clients *clients;     // counted by these loops; NULL: not counted
    struct loop **loops;
    uint32_t n_loops;
    int link; // to the supervisor: this process ends when it ends
    struct child_reload *reload;
    int signals;      // signalfd: SIGTERM
    const int *guard; // GUARDS_MAX guard sockets; -1: none
};

// Runs until SIGTERM or the end of the link (0). -ESTALE, logged: a port must be opened anew, so
// the process ends and is started again. Another negative value, logged: a core is stuck, and the
// process must end at once, since the core cannot be stopped.
int housekeeping_run(const struct housekeeping *house);
