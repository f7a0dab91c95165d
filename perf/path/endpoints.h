// Where requests come from: an endpoint's number is one of our addresses and one of our UDP ports,
// and back. The addresses of a prefix follow one another, so it is arithmetic and no table, however
// many there are. Number 0 is the first address with the first port, 1 the next address with the
// same port. Pure; any thread.
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

// Those of a prefix with n_ports ports from first_port on. n_addresses 0: all that it has, as long
// as no more than most endpoints come of it. What a subnet's routers mean by its first (and IPv4's
// last) address is left out where the prefix is longer than a pair. False when the prefix does not
// have so many addresses, or most is too few, or the ports run past 65535.
bool endpoints_make(const struct path_prefix *prefix, uint32_t n_addresses, uint16_t first_port,
                    uint16_t n_ports, uint32_t most, struct endpoints *endpoints);

// Is it one of the addresses?
bool endpoints_have(const struct endpoints *endpoints, const struct address *address);

static inline uint32_t endpoints_n(const struct endpoints *e)
{
    return e->n_addresses * e->n_ports;
}

// The address (its low half) and port of a number below endpoints_n.
static inline uint64_t endpoints_low(const struct endpoints *e, uint32_t number, uint16_t *port)
{
    uint32_t turn = 0;
    if (number >= e->n_addresses) { // with one port there is nothing to divide
        turn = number / e->n_addresses;
        number -= turn * e->n_addresses;
    }
    *port = (uint16_t)(e->first_port + turn);
    return e->first + number;
}

// The number of an address and port, or ENDPOINTS_NONE. The family is the caller's to compare.
static inline int64_t endpoints_find(const struct endpoints *e, uint64_t high, uint64_t low,
                                     uint16_t port)
{
    uint64_t address = low - e->first;
    uint32_t turn = (uint16_t)(port - e->first_port);
    if (high != e->high || address >= e->n_addresses || turn >= e->n_ports)
        return ENDPOINTS_NONE;
    return (int64_t)(turn * e->n_addresses + address);
}
