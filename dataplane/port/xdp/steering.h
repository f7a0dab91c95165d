// The server's XDP program (steer.bpf.c) in use: its object, and its maps, which say which packets
// it takes from the kernel. Housekeeping's thread.
#pragma once

#include "dataplane/port/xdp/address_list.h"
#include "dataplane/port/xdp/xdp.h"

#include <stdint.h>

struct xdp_program steering_program(void);

// Descriptors of the maps. DPDK's driver opened them; they are not closed here.
struct steering {
    int port;
    int v4;
    int v6;
    int with_tags; // the program that reads VLAN tags, which is closed here; -1: none is attached
};

// Finds the maps of the program that is attached to the interface: see xdp_maps_find. Where kernel
// and driver can tell of a VLAN tag that the device has taken off a frame (Linux 6.8), puts the
// program that asks for it in the place of the attached one. Needs the rights that loading a
// program needs.
int steering_find(unsigned ifindex, struct steering *steering);

// Once the device is closed. Accepts one that is all zero.
void steering_close(struct steering *steering);

// Makes the program steer that port of those addresses and no others, in frames to that MAC
// address. *left_out: for how many a map had no room. 0 or -errno.
int steering_set(const struct steering *steering, uint16_t udp_port, const uint8_t mac[6],
                 const struct address_list *list, uint32_t *left_out);
