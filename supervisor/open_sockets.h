// All sockets of a start: those on the NTP port, the listeners, the control socket; and the
// programs behind them. The service manager may have some of them already (given_sockets.h,
// kept_sockets.h). Single-threaded.
#pragma once

#include "supervisor/descriptors.h"
#include "supervisor/notify.h"

// Fills them in; waits for an address that is in use or absent, as listeners.h says. The manager is
// told to forget a socket that does not fit the configuration. 0, or -errno with the reason logged;
// what was opened by then is in *h.
int open_sockets(struct descriptors *h, const struct notify *notify);
