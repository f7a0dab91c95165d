// Neighbour solicitations and advertisements with their IPv6 header. RFC 4861, sections 4.3, 4.4
// and 7.1. Pure; any thread.
//
//   IPv6 40 | type 1 | code 1 | checksum 2 | flags 4 | target 16 | options: type 1, length 1, ...
#pragma once

#include "dataplane/wire/frame.h"
#include "perf/path/address.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ND_SOLICITATION = 135,
    ND_ADVERTISEMENT = 136,
    ND_LEN = IPV6_LEN + 24 + 8, // of a message with one option, as written here
};

// An advertisement's flags.
#define ND_SOLICITED UINT32_C(0x40000000)
#define ND_OVERRIDE UINT32_C(0x20000000)

struct nd {
    uint8_t type;
    uint32_t flags;
    struct address source;
    struct address destination;
    struct address target;
    bool has_mac;   // the link-layer address option of its type: a solicitation's source, an
    uint8_t mac[6]; // advertisement's target
};

// Parses len octets. False when it is neither of the two messages, or violates sections 7.1.1
// or 7.1.2.
bool nd_read(const uint8_t *ip, uint32_t len, struct nd *nd);

// has_mac is true.
void nd_write(const struct nd *nd, uint8_t ip[ND_LEN]);

// Section 2.3: the multicast group of an address, and the MAC address of a group.
struct address nd_solicited_group(const struct address *address);
void nd_group_mac(const struct address *group, uint8_t mac[6]);
