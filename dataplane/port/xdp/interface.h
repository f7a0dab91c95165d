// What the kernel knows of the network interface of a port. Housekeeping's thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct interface {
    unsigned index;
    uint8_t mac[6];    // zero where it has none
    char driver[32];   // "veth", "ice", ""; as ethtool names it
    uint32_t mtu;      //
    uint32_t queues;   // receive queues that packets may arrive on
    uint32_t openable; // queues that can be served: the combined channels, as far as the XDP
                       // program's map has room for them, or 1
    bool zero_copy;    // the driver is one that gives AF_XDP its own buffers
    bool takes_tags;   // the device takes VLAN tags off the frames (rxvlan), where it can
};

// 0 or -errno (-ENODEV: there is no such interface).
int interface_look(const char *name, struct interface *interface);

// Why a port that was opened on `then` must be opened anew on `now`; NULL: it need not. Pure.
const char *interface_change(const struct interface *then, const struct interface *now);

// Is the interface up and has it a carrier?
bool interface_link_up(const char *name);
