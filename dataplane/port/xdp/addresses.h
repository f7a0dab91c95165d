// The addresses at which the kernel takes packets for this host, followed live: when an address is
// added or removed on any interface, the steering changes within a turn of housekeeping.
// Housekeeping's thread.
#pragma once

#include "config/config.h"
#include "dataplane/port/xdp/steer.h"
#include "dataplane/wire/address_set.h"

#include <stdint.h>

struct address_list {
    uint32_t n_v4;
    uint32_t n_v6;
    uint8_t v4[STEER_ADDRESSES_MAX][4];
    uint8_t v6[STEER_ADDRESSES_MAX][16];
};

// A descriptor that is readable when addresses have changed; -errno.
int addresses_watch(void);

// Reads and discards the messages of that descriptor.
void addresses_drain(int watch);

// The kernel's local addresses of all interfaces, lo's too (anycast addresses are there). Left out:
// loopback, IPv6 addresses that are tentative or found duplicate, and link-local ones of interfaces
// other than ifindex. 0 or -errno (-E2BIG: more than STEER_ADDRESSES_MAX of a family).
int addresses_local(unsigned ifindex, struct address_list *list);

// The addresses that the configuration names.
void addresses_configured(const struct config_port *port, struct address_list *list);

// The same addresses, as the set for the parse stage.
void addresses_configured_set(const struct config_port *port, struct address_set *set);
