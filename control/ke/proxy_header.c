#include "control/ke/proxy_header.h"

#include "base/bytes.h"

#include <string.h>

// "The binary header format starts with a constant 12 bytes block"
static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum {
    COMMAND_AT = sizeof signature,
    FAMILY_AT,
    LENGTH_AT,
    LOCAL = 0x20, // version 2 and the command
    PROXY = 0x21,
    TCP4 = 0x11,
    TCP6 = 0x21,
    TCP4_LEN = 12, // two addresses and two ports
    TCP6_LEN = PROXY_HEADER_ADDRESSES,
};

static size_t body_len(const struct proxy_header *header)
{
    return be16_get(header->octets + LENGTH_AT);
}

size_t proxy_header_wants(const struct proxy_header *header)
{
    if (header->n < PROXY_HEADER_HEAD)
        return PROXY_HEADER_HEAD - header->n;
    return PROXY_HEADER_HEAD + body_len(header) - header->n;
}

// What has come of the first 16 octets, without what follows from it later.
static bool is_sound(const struct proxy_header *header)
{
    const size_t n = header->n < sizeof signature ? header->n : sizeof signature;
    if (memcmp(header->octets, signature, n) != 0)
        return false;
    if (header->n < PROXY_HEADER_HEAD)
        return true;
    const size_t len = body_len(header);
    if (len > PROXY_HEADER_BODY_MAX)
        return false;
    // "LOCAL: ... the receiver must ... discard the protocol block including the family"
    switch (header->octets[COMMAND_AT]) {
    case LOCAL:
        return true;
    case PROXY:
        // Without an address (AF_UNSPEC), lists and limits would see the balancer.
        return (header->octets[FAMILY_AT] == TCP4 && len >= TCP4_LEN) ||
               (header->octets[FAMILY_AT] == TCP6 && len >= TCP6_LEN);
    default:
        return false;
    }
}

enum proxy_state proxy_header_take(struct proxy_header *header, const uint8_t *octets, size_t n)
{
    const size_t room = header->n < sizeof header->octets ? sizeof header->octets - header->n : 0;

    memcpy(header->octets + (sizeof header->octets - room), octets, n < room ? n : room);
    header->n = (uint16_t)(header->n + n);
    if (!is_sound(header))
        return PROXY_BAD;
    if (header->n < PROXY_HEADER_HEAD || proxy_header_wants(header) > 0)
        return PROXY_INCOMPLETE;
    return PROXY_COMPLETE;
}

bool proxy_header_source(const struct proxy_header *header, struct ke_source_address *from)
{
    const uint8_t *addresses = header->octets + PROXY_HEADER_HEAD; // the source's comes first

    if (header->octets[COMMAND_AT] == LOCAL)
        return false;
    *from = header->octets[FAMILY_AT] == TCP4 ? ke_source_v4(addresses) : ke_source_v6(addresses);
    return true;
}
