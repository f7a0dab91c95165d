// The addresses at which the kernel takes packets for this host, followed live: when an address is
// added or removed on any interface, or an interface changes, the steering changes within a turn of
// housekeeping. Housekeeping's thread.
#pragma once

#include "config/config.h"
#include "dataplane/port/xdp/address_list.h"
#include "dataplane/port/xdp/links.h"
#include "dataplane/wire/address_set.h"

struct nlmsghdr;

// A descriptor that is readable when addresses or interfaces have changed; -errno.
int addresses_watch(void);

// Reads and discards the messages of that descriptor.
void addresses_drain(int watch);

// The kernel's local addresses of all interfaces, lo's too (anycast addresses are there), and the
// broadcast addresses of their subnets. Left out: IPv6 addresses that are tentative or found
// duplicate, and link-local ones of interfaces other than ifindex. Addresses that stand on VLANs
// only are served in tagged frames; but when ifindex is a VLAN itself, its own are not. Where the
// configuration names addresses, only these are served. 0, or -errno, and then the list is not
// whole.
int addresses_local(unsigned ifindex, const struct config_port *port, const struct links *links,
                    struct address_list *list);

// The part of addresses_local that takes one RTM_NEWADDR message. Pure.
void addresses_take(unsigned ifindex, const struct links *links, const struct nlmsghdr *message,
                    struct address_list *list);

// The addresses that the configuration names, as the set for the parse stage.
void addresses_configured_set(const struct config_port *port, struct address_set *set);
