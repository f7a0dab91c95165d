// Sources that no host has: addresses that a kernel does not accept from a wire, whatever its own
// addresses are. RFC 1122, section 3.2.1.3; RFC 6890; RFC 4291, section 2.5. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct source_prefix {
    uint8_t ip_version; // 4 or 6
    uint8_t len;        // bits
    uint8_t octets[16];
};

// The only list of them. Groups are in it, too.
extern const struct source_prefix source_impossible[];
extern const unsigned source_impossible_n;

// May a host send from that address of 4 or 16 octets, as ip_version says?
bool source_is_possible(unsigned ip_version, const uint8_t *address);

// Is it a loopback address? A host sends from it to itself alone.
bool source_is_loopback(unsigned ip_version, const uint8_t *address);

// The same as source_is_possible for IPv4, whose prefixes all end within the first octet.
static inline bool source_is_possible_v4(const uint8_t address[4])
{
    return (uint8_t)(address[0] - 1) < 223 && address[0] != 127;
}
