// The clocks of the ports' devices: each is opened for the dataplane, which may not open devices,
// and each device is set to stamp every frame that arrives (SIOCSHWTSTAMP), which many do for PTP's
// alone or not at all, and for interleaved mode and launch times those that leave and ask for it.
// What was set before is set again at the end. A driver that refuses, refuses: other stamps serve.
// Supervisor's main loop.
#pragma once

#include "base/bounds.h"
#include "config/config.h"

#include <stdbool.h>

struct port_clock_held {
    int fd;            // the PTP clock, read-only; -1: none
    unsigned index;    // of the interface that the rest is of; 0: none
    bool was_set;      // the setting below is to be set again
    int flags, tx, rx; // struct hwtstamp_config as it was
};

struct port_clocks {
    struct port_clock_held of[PORTS_MAX];
};

void port_clocks_init(struct port_clocks *clocks);

// Looks at each interface of the configuration that is new or was made anew: opens its clock, and
// lets it stamp. Logs what it has set.
void port_clocks_renew(struct port_clocks *clocks, const struct config *config);

// Sets each device as it was, and closes the clocks.
void port_clocks_close(struct port_clocks *clocks, const struct config *config);
