// Endpoints: converts between a number and one of the tester's addresses with one of its UDP ports.
// The addresses of a prefix are consecutive, so this is arithmetic and needs no table. Number 0 is
// the first address with the first port, 1 the next address with the same port. Pure; any thread.
#pragma once

#include "perf/path/address.h"
#include "perf/path/path.h"

#include <stdbool.h>
#include <stdint.h>

enum { ENDPOINTS_NONE = -1 };

struct endpoints {
    int family;
    uint64_t high;  // of all addresses
    uint64_t first; // low of the first address
    uint32_t n_addresses;
    uint16_t first_port;
    uint16_t n_ports;
};

// Makes the endpoints of a prefix with n_ports ports from first_port on. n_addresses 0: all
// addresses of the prefix, limited so that there are at most `most` endpoints. In a prefix of more
// than two addresses the first address (and the last one of IPv4) is not used, because it has a
// special meaning in a subnet. False when the prefix does not have that many addresses, when there
// would be more than `most` endpoints, or when the ports exceed 65535.
bool endpoints_make(const struct path_prefix *prefix, uint32_t n_addresses, uint16_t first_port,
                    uint16_t n_ports, uint32_t most, struct endpoints *endpoints);

// Whether it is one of the addresses.
bool endpoints_have(const struct endpoints *endpoints, const struct address *address);

static inline uint32_t endpoints_n(const struct endpoints *e)
{
    return e->n_addresses * e->n_ports;
}

// The address (its low half) and port of a number below endpoints_n.
static inline uint64_t endpoints_low(const struct endpoints *e, uint32_t number, uint16_t *port)
{
    uint32_t turn = 0;
    if (number >= e->n_addresses) { // avoids the division if there is one port
        turn = number / e->n_addresses;
        number -= turn * e->n_addresses;
    }
    *port = (uint16_t)(e->first_port + turn);
    return e->first + number;
}

// The number of an address and port, or ENDPOINTS_NONE. The caller compares the family.
static inline int64_t endpoints_find(const struct endpoints *e, uint64_t high, uint64_t low,
                                     uint16_t port)
{
    uint64_t address = low - e->first;
    uint32_t turn = (uint16_t)(port - e->first_port);
    if (high != e->high || address >= e->n_addresses || turn >= e->n_ports)
        return ENDPOINTS_NONE;
    return (int64_t)(turn * e->n_addresses + address);
}
