// NTS-KE: loops in threads of their own, over the listeners that the supervisor has opened.
//
// Opened and closed by the main thread. RFC 8915, section 4.
#pragma once

#include "base/prefixes.h"
#include "board/ke_counters.h"
#include "board/key_counters.h"
#include "board/snapshot.h"
#include "control/ke/ke_shares.h"
#include "control/ke/tls.h"

#include <stddef.h>
#include <stdint.h>

struct ke;
struct ke_terms;
struct ke_tokens;

struct ke_setup {
    struct tls *tls;
    const int *listeners; // listening TCP sockets; the caller still owns them; made non-blocking
    size_t n_listeners;   // at most LISTENERS_MAX
    const struct snapshot *ring; // the board's keyring
    struct ke_counters *counters;
    struct key_counters *sealed; // cookies, by key; NULL: not counted
    const char *ntp_server;
    uint16_t udp_port;
    uint32_t threads;
    uint32_t deadline_ms;
    uint32_t max_connections;
    const struct prefixes *sources;   // whose connections are served; NULL: all
    const struct prefixes *balancers; // whose connections begin with a PROXY header; NULL: none
    struct ke_shares shares;
    const struct ke_tokens *tokens; // of pools; NULL: nobody is one. Outlives the terms
    uint32_t kept_most;             // connections of pools that stay
    uint32_t idle_ms;               // without a request
};

// Starts serving. Tls, listeners, ring and counters must outlive the result. 0 or -errno.
int ke_open(const struct ke_setup *setup, struct ke **ke);

// Serves by these terms from now on, and owns them; they were made by malloc. Returns once each
// loop has taken them, which takes as long as its turn: what waits in a listener that is no longer
// among them has been accepted, and no loop uses it any more. Open sessions go on.
void ke_change(struct ke *ke, struct ke_terms *terms);

const struct ke_counters *ke_counters(const struct ke *ke);

// Ends the threads, closes open connections, wipes keys. Takes NULL.
void ke_close(struct ke *ke);
