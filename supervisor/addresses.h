// What the kernel's tables say of an address that cannot be bound, so that a start waits for what
// passes by itself and names what does not. Single-threaded.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum address_state {
    ADDRESS_ABSENT,    // no interface has it, or it is IPv4
    ADDRESS_TENTATIVE, // an interface has it; duplicate address detection has not ended
    ADDRESS_DUPLICATE, // an interface has it, but another machine on the link uses it
    ADDRESS_USABLE,
};

// Of an IPv6 address.
enum address_state address_state(const struct sockaddr_storage *address);

// The same family, address and port.
bool addresses_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

// True when all TCP connections from or to that local port are closed already and only wait out
// their time (TIME_WAIT and the states before it); there is one at least.
bool port_is_closing(uint16_t port);

// True when this kernel has sockets of that family.
bool family_exists(int family);

// Takes out each address of `control.listen` that is there by default and of a family that this
// kernel does not have. The number of them. One address stays in any case.
uint32_t addresses_leave_out(struct config *config);
