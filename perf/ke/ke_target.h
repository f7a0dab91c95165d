// The server of the key exchanges, and how its certificate is verified.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { KE_SERVER_MAX = 255, KE_DEADLINE_MS = 5000, KE_PORT = 4460 };

struct ke_target {
    char server[KE_SERVER_MAX + 1];  // the user's name for it, which its certificate must have
    struct sockaddr_storage address; // with the port of NTS-KE
    const char *ca;                  // PEM file of trusted certificates; NULL: the system's
    bool unverified;                 // any certificate is accepted
    uint64_t deadline_ns;            // of one exchange, from its begin; 0: KE_DEADLINE_MS
    uint64_t dribble_ns;             // slow clients: between two octets; 0: half a second
    uint64_t hold_ns;                // slow clients close after this time; 0: never
    const struct sockaddr_storage *sources; // local addresses, used in turn; port 0
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
