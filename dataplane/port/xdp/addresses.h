// The addresses at which the kernel takes packets for this host, followed live: when an address is
// added or removed on any interface, the steering changes within a turn of housekeeping.
// Housekeeping's thread.
#pragma once

#include "config/config.h"
#include "dataplane/port/xdp/steer.h"
#include "dataplane/wire/address_set.h"

#include <stdbool.h>
#include <stdint.h>

// Of each family the first n_own are those of the served interface.
struct address_list {
    uint32_t n_v4;
    uint32_t n_v6;
    uint32_t n_own_v4;
    uint32_t n_own_v6;
    uint32_t left_out; // for which there was no room
    uint8_t v4[STEER_ADDRESSES_MAX][4];
    uint8_t v6[STEER_ADDRESSES_MAX][16];
};

// A descriptor that is readable when addresses have changed; -errno.
int addresses_watch(void);

// Reads and discards the messages of that descriptor.
void addresses_drain(int watch);

// The kernel's local addresses of all interfaces, lo's too (anycast addresses are there). Left out:
// loopback, IPv6 addresses that are tentative or found duplicate, and link-local ones of interfaces
// other than ifindex. The addresses of ifindex come first, and keep their room when there are more
// than STEER_ADDRESSES_MAX of a family. 0, or -errno, and then the list is not whole.
int addresses_local(unsigned ifindex, struct address_list *list);

// Adds one address; `own`: of the served interface, which another interface's makes room for.
void addresses_add_v4(struct address_list *list, const uint8_t address[4], bool own);
void addresses_add_v6(struct address_list *list, const uint8_t address[16], bool own);

// Those that the configuration names.
void addresses_configured(const struct config_port *port, struct address_list *list);

// The same addresses, as the set for the parse stage.
void addresses_configured_set(const struct config_port *port, struct address_set *set);
