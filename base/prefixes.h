// Which sources are answered: a set of prefixes that are allowed and prefixes that are denied, of
// IPv4 and IPv6. The longest prefix that holds an address decides; a denied one decides before an
// allowed one of the same length. An address that no prefix holds is denied.
//
// A set never changes once it is made: any thread may read it. Packets and TCP connections are
// looked up in the same way, so it is here and not in the dataplane.
#pragma once

#include "base/bounds.h"

#include <stdbool.h>
#include <stdint.h>

struct prefix {
    uint8_t ip_version; // 4 or 6
    uint8_t len;        // bits, up to 32 or 128
    uint8_t octets[16]; // 4 of them for IPv4, the others 0; bits beyond len are ignored
};

struct prefixes;

// Makes a set of at most PREFIXES_MAX prefixes of each kind. NULL when memory runs out. The lists
// stay the caller's. An IPv4-mapped prefix (in ::ffff:0:0/96) has no effect: see below.
struct prefixes *prefixes_make(const struct prefix *allow, uint32_t n_allow,
                               const struct prefix *deny, uint32_t n_deny);

// Is that source allowed? An IPv4-mapped IPv6 address is looked up as the IPv4 address in it.
bool prefixes_allow_v4(const struct prefixes *set, const uint8_t address[4]);
bool prefixes_allow_v6(const struct prefixes *set, const uint8_t address[16]);

// Takes NULL.
void prefixes_free(struct prefixes *set);
