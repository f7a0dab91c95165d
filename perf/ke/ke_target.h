// The server that key exchanges are made with, and how far it is trusted.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { KE_SERVER_MAX = 255, KE_DEADLINE_MS = 5000, KE_PORT = 4460 };

struct ke_target {
    char server[KE_SERVER_MAX + 1];  // as the user named it: what its certificate must say
    struct sockaddr_storage address; // with the port of NTS-KE
    const char *ca;                  // PEM file of whom to trust; NULL: the system's authorities
    bool unverified;                 // any certificate will do
    uint64_t deadline_ns;            // of one exchange, from its begin; 0: KE_DEADLINE_MS
    uint64_t dribble_ns;             // slow clients: between two octets; 0: half a second
    uint64_t hold_ns;                // slow clients leave after that; 0: never
    const struct sockaddr_storage *sources; // addresses of ours, used in turn; port 0
    uint32_t n_sources;                     // 0: the kernel's choice
};

// Octets of an address, by its family.
static inline socklen_t ke_address_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

// "ntp.example:4460", "192.0.2.1:4460", "[2001:db8::1]:4460".
void ke_target_text(const struct ke_target *target, char text[KE_SERVER_MAX + 10]);
