#include "perf/ke/ke_target.h"

#include <stdio.h>
#include <string.h>

void ke_target_text(const struct ke_target *target, char text[KE_SERVER_MAX + 10])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&target->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&target->address;
    uint16_t port = ntohs(target->address.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
    bool colons = strchr(target->server, ':') != NULL;
    snprintf(text, KE_SERVER_MAX + 10, colons ? "[%s]:%u" : "%s:%u", target->server, port);
}
