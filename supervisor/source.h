// The descriptor of the time source, which control itself could not open. Single-threaded.
#pragma once

#include "config/config.h"

#include <stdbool.h>

// Does the configured source have one?
bool source_has_descriptor(const struct config *config);

// For source chronyd a UDP socket, connected to its command port: a new one for each start of
// control, so that no process finds what its predecessor left in it. For source phc the device.
// Never waits for a peer. Returns the descriptor, or -errno with the reason logged.
int source_open(const struct config *config);
