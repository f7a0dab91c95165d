// The network interfaces around a served one: its MAC address, and what stands on it.
// Housekeeping's thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct nlmsghdr;

enum { LINKS_MAX = 4096 };

struct links {
    uint8_t mac[6];  // of the served interface
    unsigned master; // the bridge or bond that it is a part of; 0: none
    bool vlan_above; // VLAN interfaces stand on it, or on its master
    bool other_mac;  // so does an interface with another MAC address: a bridge, a macvlan, a VLAN
    // Every VLAN, macvlan, bridge and bond, as far as there is room. A VLAN without room counts as
    // an interface without a tag.
    uint32_t n;
    struct upper {
        unsigned index;
        unsigned below; // the interface that it stands on; 0: none, or one of another namespace
        bool is_vlan;
        uint8_t mac[6];
    } upper[LINKS_MAX];
};

// Reads them from the kernel. 0 or -errno, and then the links are not whole (-EAGAIN: they changed
// meanwhile).
int links_read(unsigned ifindex, struct links *links);

// The parts of links_read: empties the links, takes one RTM_NEWLINK message, and after the last one
// says what stands on the interface. Pure.
void links_begin(struct links *links);
void links_take(struct links *links, unsigned ifindex, const struct nlmsghdr *message);
void links_end(struct links *links, unsigned ifindex);

bool links_is_vlan(const struct links *links, unsigned ifindex);
