// What a reload may change of NTS-KE while its loops serve, as one immutable object: each loop
// takes it whole at the start of a turn, and the old one is freed when all have.
//
// Made and freed by the main thread, read by the loops.
#pragma once

#include "base/bounds.h"
#include "base/prefixes.h"
#include "control/ke/ke_shares.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KE_SILENT_MS = 1000 }; // after which the kernel hands out a connection that has sent nothing

struct ke_tokens;

struct ke_terms {
    char ntp_server[NTP_SERVER_MAX + 1]; // "": NTP has the same address
    uint16_t udp_port;                   // of NTP
    uint64_t deadline_ns;                // for the whole exchange
    uint32_t max_connections;            // of all loops together
    const struct ke_tokens *tokens;      // of pools; NULL: nobody is one; not owned
    uint32_t kept_most;                  // connections of pools that stay, of all loops together
    uint64_t idle_ns;                    // how long one of them stays without a request
    const struct prefixes *sources;      // whose connections are served; NULL: all; not owned
    const struct prefixes *balancers;    // whose connections begin with a PROXY header; NULL: none
    struct ke_shares shares;
    uint32_t n_listeners;
    int listener[LISTENERS_MAX]; // listening and non-blocking; not owned
};

struct ke_setup;

// Those of a setup (ke.h). Changes nothing of the listeners. NULL: no memory.
struct ke_terms *ke_terms_make(const struct ke_setup *setup);

// Sets options on the listeners that their connections inherit, the deadline among them.
void ke_terms_tune(const struct ke_terms *terms);

// True when that descriptor is among the listeners. terms may be NULL: none is.
bool ke_terms_have(const struct ke_terms *terms, int listener);
