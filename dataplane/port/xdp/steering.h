// The server's XDP program (steer.bpf.c) in use: its object, and its maps, which say which packets
// it takes from the kernel. Housekeeping's thread.
#pragma once

#include "dataplane/port/xdp/address_list.h"
#include "dataplane/port/xdp/attached.h"
#include "dataplane/port/xdp/xdp.h"
#include "dataplane/wire/udp_ports.h"

#include <stdint.h>

// The program, in the order in which its forms are to be tried. The first asks the driver for the
// VLAN tag that the device has taken off a frame (Linux 6.8), and for the device's stamp; the
// second for the stamp alone (6.3).
enum { STEERING_PROGRAMS = 3 };
extern const struct xdp_program steering_programs[STEERING_PROGRAMS];

// Descriptors of the maps, which are the attached program's.
struct steering {
    int port;
    int v4;
    int v6;
};

// Finds the maps of the attached program. 0 or -ENOENT.
int steering_find(const struct attached *attached, struct steering *steering);

// Makes the program steer those ports of those addresses and no others, in frames to that MAC
// address. *left_out: for how many a map had no room. 0 or -errno.
int steering_set(const struct steering *steering, struct udp_ports ports, const uint8_t mac[6],
                 const struct address_list *list, uint32_t *left_out);
