// The sets of prefixes that NTS-KE looks its clients up in. Made and freed by the main thread; read
// by the loops.
#pragma once

#include "base/prefixes.h"
#include "config/config.h"

struct ke_lists {
    struct prefixes *sources;   // whose connections are served; NULL: all
    struct prefixes *balancers; // whose connections begin with a PROXY header; NULL: none
};

// Those of dataplane.allow and dataplane.deny, and of control.proxy_from. 0, or -ENOMEM with
// *lists unchanged.
int ke_lists_make(const struct config *config, struct ke_lists *lists);

// Leaves both NULL.
void ke_lists_free(struct ke_lists *lists);
