#include "perf/ke/ke_target.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int errno_of(int fault)
{
    switch (fault) {
    case EAI_SYSTEM:
        return -errno;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_AGAIN:
        return -EAGAIN;
    default:
        return -EADDRNOTAVAIL;
    }
}

int ke_target_resolve(struct ke_target *target, const char *server, uint16_t port, int family,
                      char why[256])
{
    size_t len = strlen(server);
    bool bracketed = len > 2 && server[0] == '[' && server[len - 1] == ']';
    len -= bracketed ? 2 : 0;
    if (len == 0 || len > KE_SERVER_MAX) {
        snprintf(why, 256, "the server's name is empty or too long");
        return -EINVAL;
    }
    char name[KE_SERVER_MAX + 1] = {0};
    memcpy(name, server + bracketed, len);

    char service[8];
    snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    int fault = getaddrinfo(name, service, &hints, &found);
    if (fault != 0) {
        int result = errno_of(fault);
        snprintf(why, 256, "%.180s: %s", name,
                 fault == EAI_SYSTEM ? strerror(-result) : gai_strerror(fault));
        return result;
    }
    memcpy(target->server, name, sizeof name);
    memset(&target->address, 0, sizeof target->address);
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

void ke_target_text(const struct ke_target *target, char text[KE_SERVER_MAX + 10])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&target->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&target->address;
    uint16_t port = ntohs(target->address.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
    bool colons = strchr(target->server, ':') != NULL;
    snprintf(text, KE_SERVER_MAX + 10, colons ? "[%s]:%u" : "%s:%u", target->server, port);
}
