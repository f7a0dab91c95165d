// A core on a queue whose device has a clock of its own, for tests that hold timestamps against
// what a simulated device did. The server's clock is CLOCK_REALTIME at the start, and a line over
// the TSC from there on. One thread.
#pragma once

#include "dataplane/core.h"
#include "dataplane/nic_clock.h"
#include "tests/dataplane/packet.h"

#include <stdint.h>

struct clocked_core {
    struct nic_clock nic;
    const struct port_clock *clock;
    struct clock_word word;
    uint64_t read_at; // TSC
    struct snapshot keyring, ntp_state, stamps;
    struct board_port shown; // with the line of the device's clock
    struct ntp_state state;
    struct core_counters counters;
    struct core core;
    struct packet frame; // a request without NTS
};

// c is zeroed and begins at a multiple of 64; its address stays. port and clock outlive it.
void clocked_core_open(struct clocked_core *c, struct port *port, const struct port_clock *clock,
                       uint64_t tsc_hz);

// Reads the device's clock from time to time, as nic_clock's thread and housekeeping do.
void clocked_core_read(struct clocked_core *c);

// Prints the distribution of n values in ns, which it sorts.
void clocked_core_say(const char *what, double *value, unsigned n);
