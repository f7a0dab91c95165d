// Where a connection comes from, as lists and limits see it: the address of its socket, or that
// which a balancer tells. Pure.
#pragma once

#include "base/bytes.h"
#include "base/prefixes.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct ke_source_address {
    uint8_t ip_version; // 4 or 6
    uint8_t octets[16]; // 4 of them for IPv4
    uint64_t host;      // what limits count as one host: all of IPv4's bits, the first 64 of IPv6's
};

static inline struct ke_source_address ke_source_v4(const uint8_t octets[4])
{
    struct ke_source_address from = {.ip_version = 4, .host = be32_get(octets)};
    memcpy(from.octets, octets, 4);
    return from;
}

// An IPv4-mapped address is taken as the IPv4 address in it, as lists do.
static inline struct ke_source_address ke_source_v6(const uint8_t octets[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    if (memcmp(octets, mapped, sizeof mapped) == 0)
        return ke_source_v4(octets + sizeof mapped);
    struct ke_source_address from = {.ip_version = 6, .host = be64_get(octets)};
    memcpy(from.octets, octets, 16);
    return from;
}

static inline struct ke_source_address ke_source_of(const struct sockaddr_storage *from)
{
    if (from->ss_family == AF_INET)
        return ke_source_v4((const uint8_t *)&((const struct sockaddr_in *)from)->sin_addr);
    return ke_source_v6(((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr);
}

// sources: NULL: all.
static inline bool ke_source_is_in(const struct prefixes *sources,
                                   const struct ke_source_address *from)
{
    if (sources == NULL)
        return true;
    return from->ip_version == 4 ? prefixes_allow_v4(sources, from->octets)
                                 : prefixes_allow_v6(sources, from->octets);
}
