// What the kernel knows of the way to an address, by netlink: who is next, from which address
// of ours, and which MAC address that neighbour has. For opening a path, not for the hot path.
#pragma once

#include "perf/path/address.h"

#include <stdbool.h>
#include <stdint.h>

struct route {
    struct address next;   // the gateway, or the target itself
    struct address source; // what the kernel would send from; family 0: it has no choice
    bool here;             // the target is this machine's own address
};

// The way over that interface (0: any). 0 or -errno (-ENETUNREACH and kin: there is none).
int route_find(const struct address *to, unsigned ifindex, struct route *route);

// Is it an address of this machine?
bool route_is_own(const struct address *address);

// The MAC address of a neighbour, waiting up to about two seconds for the kernel to look for it. 0
// or -errno (-EHOSTUNREACH: nobody answers). Needs CAP_NET_ADMIN where the kernel has to look.
int route_neighbour(const struct address *of, unsigned ifindex, uint8_t mac[6]);

// Lets the interface hear all groups, where neighbour solicitations for our addresses go, while the
// descriptor is open. The descriptor or -errno.
int route_hear_groups(unsigned ifindex);
