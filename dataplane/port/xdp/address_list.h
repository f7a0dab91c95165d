// What the XDP program of one interface must know of addresses: which are served, and from which no
// frame is. Pure. Housekeeping's thread.
#pragma once

#include "config/config.h"
#include "dataplane/port/xdp/steer.h"

#include <stdbool.h>
#include <stdint.h>

// No address is in it twice. Of each family the first n_own are those of the served interface, or
// those that the configuration names. A kind is one of enum steer_address.
struct address_list {
    bool configured; // only those that the configuration names are served
    uint32_t n_v4;
    uint32_t n_v6;
    uint32_t n_own_v4;
    uint32_t n_own_v6;
    uint32_t n_broadcast; // after address_list_end, v4 has them behind its n_v4 addresses
    uint32_t left_out;    // for which there was no room
    uint8_t v4[STEER_V4_MAX][4];
    uint8_t v4_kind[STEER_V4_MAX];
    uint8_t v6[STEER_ADDRESSES_MAX][16];
    uint8_t v6_kind[STEER_ADDRESSES_MAX];
    uint8_t broadcast[STEER_ADDRESSES_MAX][4];
};

// Makes the list empty, but for the addresses that the configuration names for this port.
void address_list_begin(struct address_list *list, const struct config_port *port);

// Adds one address of this host; `own`: of the served interface, which another interface's makes
// room for when there are more than STEER_ADDRESSES_MAX of a family. An address that is added twice
// has the smaller kind. Loopback addresses are left out.
void address_list_add_v4(struct address_list *list, const uint8_t address[4],
                         enum steer_address kind, bool own);
void address_list_add_v6(struct address_list *list, const uint8_t address[16],
                         enum steer_address kind, bool own);

// Adds the broadcast address of a local subnet. These have a room of their own, and take none from
// addresses that are served.
void address_list_add_broadcast(struct address_list *list, const uint8_t address[4]);

// After the last addition: the list can be used.
void address_list_end(struct address_list *list);

// How many are served.
uint32_t address_list_served_v4(const struct address_list *list);
uint32_t address_list_served_v6(const struct address_list *list);
