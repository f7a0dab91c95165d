// IP addresses as numbers in host byte order, so that prefixes are ranges. IPv6: high has the first
// 64 bits, low the others. IPv4: high is 0. perf/port/replies.h uses the same form. Pure; any
// thread.
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

// From 4 or 16 octets, depending on family.
struct address address_of(int family, const uint8_t *octets);

// From a sockaddr of either family; also gives its port.
struct address address_of_sockaddr(const struct sockaddr_storage *from, uint16_t *port);

// Writes the octets and returns their number: 4 or 16.
uint32_t address_put(const struct address *address, uint8_t *octets);

bool address_equal(const struct address *a, const struct address *b);

// As text for people.
const char *address_text(const struct address *address, char text[ADDRESS_TEXT_LEN]);
