// The server of the load, and whether it is permitted. A load tester can be misused, so a server
// that is neither local, nor private, nor on a network of this machine needs an explicit option.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { TARGET_TEXT_LEN = 64 };

// Resolves a name or an address; family is AF_UNSPEC, AF_INET or AF_INET6. 0, or -1 with one line
// in why.
int target_resolve(const char *name, int family, uint16_t port, struct sockaddr_storage *address,
                   char why[256]);

// Loopback, link-local, private (RFC 1918, RFC 4193), or on a network that an interface of this
// machine is in.
bool target_is_near(const struct sockaddr_storage *address);

uint16_t target_port(const struct sockaddr_storage *address);
void target_set_port(struct sockaddr_storage *address, uint16_t port);

// The address without its port.
const char *target_text(const struct sockaddr_storage *address, char text[TARGET_TEXT_LEN]);
