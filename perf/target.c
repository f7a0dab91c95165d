#include "perf/target.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int target_resolve(const char *name, int family, uint16_t port, struct sockaddr_storage *address,
                   char why[256])
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    int fault = getaddrinfo(name, NULL, &hints, &found);
    if (fault) {
        snprintf(why, 256, "%s: %s; give a name or an address that this machine can resolve", name,
                 gai_strerror(fault));
        return -1;
    }
    memset(address, 0, sizeof *address);
    memcpy(address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    target_set_port(address, port);
    return 0;
}

static const uint8_t *octets_of(const struct sockaddr *address, unsigned *len)
{
    if (address->sa_family == AF_INET) {
        *len = 4;
        return (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
    }
    *len = 16;
    return ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr;
}

static bool is_private_v4(const uint8_t *a)
{
    return a[0] == 127 || a[0] == 10 || (a[0] == 172 && a[1] >> 4 == 1) ||
           (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254);
}

static bool is_private_v6(const uint8_t *a)
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(a, mapped, sizeof mapped) == 0)
        return is_private_v4(a + 12);
    return memcmp(a, loopback, 16) == 0 || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
           (a[0] & 0xfe) == 0xfc;
}

static bool same_network(const struct ifaddrs *interface, const struct sockaddr *address)
{
    unsigned len;
    if (!interface->ifa_addr || !interface->ifa_netmask ||
        interface->ifa_addr->sa_family != address->sa_family)
        return false;
    const uint8_t *wanted = octets_of(address, &len);
    const uint8_t *own = octets_of(interface->ifa_addr, &len);
    const uint8_t *mask = octets_of(interface->ifa_netmask, &len);
    bool has_mask = false;
    for (unsigned i = 0; i < len; i++) {
        if (((wanted[i] ^ own[i]) & mask[i]) != 0)
            return false;
        has_mask |= mask[i] != 0;
    }
    return has_mask;
}

bool target_is_near(const struct sockaddr_storage *storage)
{
    const struct sockaddr *address = (const struct sockaddr *)storage;
    unsigned len;
    const uint8_t *octets = octets_of(address, &len);
    if (len == 4 ? is_private_v4(octets) : is_private_v6(octets))
        return true;
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return false;
    bool near = false;
    for (const struct ifaddrs *i = all; i && !near; i = i->ifa_next)
        near = same_network(i, address);
    freeifaddrs(all);
    return near;
}

uint16_t target_port(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)address)->sin_port)
                                         : ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
}

void target_set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

const char *target_text(const struct sockaddr_storage *address, char text[TARGET_TEXT_LEN])
{
    socklen_t len =
        address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (getnameinfo((const struct sockaddr *)address, len, text, TARGET_TEXT_LEN, NULL, 0,
                    NI_NUMERICHOST) != 0)
        snprintf(text, TARGET_TEXT_LEN, "?");
    return text;
}
