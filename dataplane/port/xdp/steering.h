// The server's XDP program (steer.bpf.c) in use: its object, and its maps, which say which packets
// it takes from the kernel. Housekeeping's thread.
#pragma once

#include "dataplane/port/xdp/addresses.h"
#include "dataplane/port/xdp/xdp.h"

#include <stdint.h>

struct xdp_program steering_program(void);

// Descriptors of the maps. DPDK's driver opened them; they are not closed here.
struct steering {
    int port;
    int v4;
    int v6;
};

// Finds the maps of the program that is attached to the interface: see xdp_maps_find.
int steering_find(unsigned ifindex, struct steering *steering);

// Makes the program steer that port at those addresses and no others. *left_out: for how many a map
// had no room. 0 or -errno.
int steering_set(const struct steering *steering, uint16_t udp_port,
                 const struct address_list *list, uint32_t *left_out);
