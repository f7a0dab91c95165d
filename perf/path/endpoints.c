#include "perf/path/endpoints.h"

// The number of usable addresses of a prefix, at most 2^32, and the offset of the first one.
static uint64_t usable(int family, unsigned bits, uint64_t *offset)
{
    *offset = 0;
    if (bits <= 1)
        return UINT64_C(1) << bits; // one address, or the two of a point-to-point link
    *offset = 1;
    uint64_t size = bits > 32 ? UINT64_C(1) << 33 : UINT64_C(1) << bits;
    return family == AF_INET ? size - 2 : size - 1;
}

bool endpoints_make(const struct path_prefix *prefix, uint32_t n_addresses, uint16_t first_port,
                    uint16_t n_ports, uint32_t most, struct endpoints *endpoints)
{
    unsigned width = prefix->family == AF_INET ? 32 : 128;
    if (prefix->len > width || n_ports == 0 || (uint32_t)first_port + n_ports > 65536)
        return false;
    uint64_t offset;
    uint64_t size = usable(prefix->family, width - prefix->len, &offset);
    uint64_t room = most / n_ports;
    uint64_t n = n_addresses != 0 ? n_addresses : size < room ? size : room;
    if (n == 0 || n > size || n > room)
        return false;

    struct address address = address_of(prefix->family, prefix->octets);
    unsigned bits = width - prefix->len; // bits of the host part
    if (bits >= 64) {
        address.low = 0;
        address.high = bits == 128 ? 0 : address.high >> (bits - 64) << (bits - 64);
    } else {
        address.low = address.low >> bits << bits;
    }
    *endpoints = (struct endpoints){
        .family = prefix->family,
        .high = address.high,
        .first = address.low + offset,
        .n_addresses = (uint32_t)n,
        .first_port = first_port,
        .n_ports = n_ports,
    };
    return true;
}

bool endpoints_have(const struct endpoints *endpoints, const struct address *address)
{
    return address->family == endpoints->family && address->high == endpoints->high &&
           address->low - endpoints->first < endpoints->n_addresses;
}
