#include "perf/path/address.h"

#include "base/bytes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct address address_of(int family, const uint8_t *octets)
{
    if (family == AF_INET)
        return (struct address){.family = family, .low = be32_get(octets)};
    return (struct address){
        .family = family, .high = be64_get(octets), .low = be64_get(octets + 8)};
}

struct address address_of_sockaddr(const struct sockaddr_storage *from, uint16_t *port)
{
    if (from->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        *port = ntohs(v4.sin_port);
        return address_of(AF_INET, (const uint8_t *)&v4.sin_addr);
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, from, sizeof v6);
    *port = ntohs(v6.sin6_port);
    return address_of(AF_INET6, v6.sin6_addr.s6_addr);
}

uint32_t address_put(const struct address *address, uint8_t *octets)
{
    if (address->family == AF_INET) {
        be32_put(octets, (uint32_t)address->low);
        return 4;
    }
    be64_put(octets, address->high);
    be64_put(octets + 8, address->low);
    return 16;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->high == b->high && a->low == b->low;
}

const char *address_text(const struct address *address, char text[ADDRESS_TEXT_LEN])
{
    uint8_t octets[16];
    address_put(address, octets);
    return inet_ntop(address->family, octets, text, ADDRESS_TEXT_LEN);
}
