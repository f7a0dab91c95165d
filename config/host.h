// Hosts as a file writes them: an address, or a name. Pure; any thread.
#pragma once

#include "config/config.h"

#include <stdbool.h>

// The address of one host: neither unspecified nor multicast nor IPv4's limited broadcast. False,
// with nothing written: text is none.
bool host_address(const char *text, struct config_address *into);

// "", an address of one host, or a name that a resolver may know.
bool host_allowed(const char *text);

// Does text end in ":PORT", before which a whole host stands? Of an IPv6 address whose last group
// looks like a port, too.
bool host_has_port(const char *text, unsigned *port);
