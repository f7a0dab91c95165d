// Our XDP programs from the outside: the objects that the build embedded, the maps of the one that
// is attached to an interface, who owns it, and the removal of what a crash left.
// Housekeeping's thread, and the sweep.
#pragma once

#include "dataplane/port/use.h"
#include "dataplane/port/xdp/addresses.h"
#include "dataplane/port/xdp/gather.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// The embedded object as a sealed memfd; DPDK's driver is given it as /proc/self/fd/N and loads it.
// The caller closes it once the device has started. The descriptor or -errno.
int xdp_object_open(enum port_use use);

// The maps of a program that this process has loaded and attached; -1 where its use has none.
struct xdp_maps {
    int port;
    int v4;
    int v6;
    int rule;
};

// Is nothing attached to the interface but what this process has loaded? Then DPDK's driver may
// close its device, upon which it detaches whatever is there.
bool xdp_is_ours(unsigned ifindex);

// Finds them among our own descriptors: looking a map up by its id would need CAP_SYS_ADMIN. The
// maps stay the loader's, nobody closes them here. 0 or -errno.
int xdp_maps_find(unsigned ifindex, enum port_use use, struct xdp_maps *maps);

// Makes the program steer that port at those addresses and no others. 0 or -errno.
int xdp_steer(const struct xdp_maps *maps, uint16_t udp_port, const struct address_list *list);

// Makes the asking side's program take what the rule says. 0 or -errno.
int xdp_gather(const struct xdp_maps *maps, const struct gather_rule *rule);

// "XDP native", "XDP generic", "XDP offloaded", or "" when nothing is attached.
const char *xdp_mode(unsigned ifindex);

// Shows for the life of the descriptor that this process serves the interface. The kernel forgets
// it with the process. The descriptor or -errno (-EADDRINUSE: somebody else shows it).
int xdp_owner_claim(unsigned ifindex);

// Takes and closes what asks at the descriptor, so that its queue never stays full. Never blocks.
void xdp_owner_greet(int owner);

// The process that serves the interface, run by user (or root): its pid, or 0. XDP_OWNER_BUSY: the
// queue is full, which a living owner mends within a second or so. XDP_ANY_USER believes anybody.
enum { XDP_OWNER_BUSY = -1 };
#define XDP_ANY_USER ((uid_t)-1)
pid_t xdp_owner(unsigned ifindex, uid_t user);

// Detaches a program of ours that nobody owns; who asks leaves the server's. 0 also when there is
// nothing. -errno, logged in one line, when another program or its living owner is in the way.
// Needs CAP_SYS_ADMIN.
int xdp_sweep(const char *interface, enum port_use use, uid_t user);
