// A planned stop behind an anycast address: the hook is run with "draining", so that the route is
// withdrawn, and the server serves on. noonmarkctl watches the rate, and asks for the stop.
// Never waits. Single-threaded.
#pragma once

#include "link/link.h"
#include "supervisor/hook.h"

#include <stdbool.h>
#include <stdint.h>

struct drain {
    bool on;
};

// Control's LINK_DRAIN. Sets *stop when the server is to stop, which it does only while it drains:
// control could otherwise end the server without the hook. link: to control, for the answer. False:
// it is no word of LINK_DRAIN's.
bool drain_hear(struct drain *drain, struct hook *hook, int link,
                const struct link_message *message, uint64_t now_ms, bool *stop);

// A control process that has just started is told whether the server drains.
void drain_tell(const struct drain *drain, int link);
