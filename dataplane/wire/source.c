#include "dataplane/wire/source.h"

#include <string.h>

const struct source_prefix source_impossible[] = {
    {4, 8, {0}},                  // this network
    {4, 8, {127}},                // loopback
    {4, 4, {224}},                // groups
    {4, 4, {240}},                // reserved, and the broadcast address
    {6, 96, {0}},                 // unspecified, loopback, IPv4-compatible
    {6, 96, {[10] = 0xff, 0xff}}, // IPv4-mapped: never on a wire
    {6, 8, {0xff}},               // groups
};
const unsigned source_impossible_n = sizeof source_impossible / sizeof source_impossible[0];

static bool begins_with(const uint8_t *address, const struct source_prefix *prefix)
{
    unsigned whole = prefix->len / 8;
    for (unsigned i = 0; i < whole; i++) {
        if (address[i] != prefix->octets[i])
            return false;
    }
    unsigned bits = prefix->len % 8;
    return bits == 0 || (address[whole] ^ prefix->octets[whole]) >> (8 - bits) == 0;
}

bool source_is_loopback(unsigned ip_version, const uint8_t *address)
{
    static const uint8_t loopback_v6[16] = {[15] = 1};
    return ip_version == 4 ? address[0] == 127
                           : memcmp(address, loopback_v6, sizeof loopback_v6) == 0;
}

bool source_is_possible(unsigned ip_version, const uint8_t *address)
{
    for (unsigned i = 0; i < source_impossible_n; i++) {
        const struct source_prefix *prefix = &source_impossible[i];
        if (prefix->ip_version == ip_version && begins_with(address, prefix))
            return false;
    }
    return true;
}
