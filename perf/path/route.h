// Reads the route to an address from the kernel, by netlink: the next hop, the source address, and
// the MAC address of the next hop. For opening a path, not for the hot path.
#pragma once

#include "perf/path/address.h"

#include <stdbool.h>
#include <stdint.h>

struct route {
    struct address next;   // the gateway, or the target itself
    struct address source; // the kernel's source address; family 0: it has none
    bool here;             // the target is this machine's own address
};

// The route through that interface (0: any). 0 or -errno (-ENETUNREACH and similar: there is none).
int route_find(const struct address *to, unsigned ifindex, struct route *route);

// Whether it is an address of this machine.
bool route_is_own(const struct address *address);

// The MAC address of a neighbour; waits up to about two seconds for the kernel to resolve it. 0 or
// -errno (-EHOSTUNREACH: no answer). Needs CAP_NET_ADMIN if the kernel has to resolve it.
int route_neighbour(const struct address *of, unsigned ifindex, uint8_t mac[6]);

// Makes the interface receive all multicast packets while the returned descriptor is open, because
// neighbour solicitations for our addresses go to multicast groups. The descriptor or -errno.
int route_hear_groups(unsigned ifindex);
