// IP addresses as numbers in the machine's own order, so that prefixes are ranges: IPv6's first 64
// bits are high and the others low; of IPv4 high is 0. perf/port/replies.h counts alike.
// Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    int family; // AF_INET, AF_INET6; 0: none
    uint64_t high;
    uint64_t low;
};

enum { ADDRESS_TEXT_LEN = 46 };

// Of 4 or 16 octets, as family says.
struct address address_of(int family, const uint8_t *octets);

// Of a sockaddr of either family, and its port.
struct address address_of_sockaddr(const struct sockaddr_storage *from, uint16_t *port);

// Writes its octets. How many: 4 or 16.
uint32_t address_put(const struct address *address, uint8_t *octets);

bool address_equal(const struct address *a, const struct address *b);

// For people.
const char *address_text(const struct address *address, char text[ADDRESS_TEXT_LEN]);
