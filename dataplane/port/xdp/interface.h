// What the kernel knows of the network interface of a port. Housekeeping's thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ethtool_channels;

struct interface {
    unsigned index;
    uint8_t mac[6];    // zero where it has none
    char driver[32];   // "veth", "ice", ""; as ethtool names it
    uint32_t mtu;      //
    uint32_t queues;   // receive queues that packets may arrive on
    uint32_t openable; // queues that can be served: those that can send too, as far as the XDP
                       // program's map has room for them; at least 1
    bool split;        // the driver gives the two queues of a channel an interrupt each
    bool takes_tags;   // the device takes VLAN tags off the frames (rxvlan), where it can
};

// 0 or -errno (-ENODEV: there is no such interface).
int interface_look(const char *name, struct interface *interface);

// Sets queues, openable and split from what ethtool knows of the channels, and from the
// driver; NULL: it knows none. Pure.
void interface_count_queues(struct interface *interface, const struct ethtool_channels *channels);

// Why a port that was opened on `then` must be opened anew on `now`; NULL: it need not. Pure.
const char *interface_change(const struct interface *then, const struct interface *now);

// Is the interface up and has it a carrier?
bool interface_link_up(const char *name);
