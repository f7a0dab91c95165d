#include "supervisor/given_sockets.h"

#include "base/log.h"
#include "base/printable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 3, ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN + 9 };

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

// A number without sign and blanks, below most; else 0.
static unsigned long number(const char *text, unsigned long most)
{
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    const unsigned long n = strtoul(text, &end, 10);
    return *end == '\0' && n < most ? n : 0;
}

// The names stand in the order of the sockets, with ':' between them.
static void read_names(struct given_sockets *given, const char *names)
{
    for (uint32_t i = 0; names != NULL && i < given->n; i++) {
        const size_t len = strcspn(names, ":");
        snprintf(given->socket[i].name, GIVEN_NAME_MAX, "%.*s", (int)len, names);
        printable(given->socket[i].name, strlen(given->socket[i].name));
        names = names[len] == ':' ? names + len + 1 : NULL;
    }
}

// NULL, or what is wrong with it and how to mend that.
static const char *fault_of(int fd)
{
    const int family = option(fd, SOL_SOCKET, SO_DOMAIN);

    if (option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM || (family != AF_INET && family != AF_INET6))
        return "is no TCP socket; name addresses of control.listen alone (ListenStream=)";
    if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
        return "does not listen; write Accept=no";
    if (family == AF_INET6 && option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 1)
        return "also takes IPv4; write BindIPv6Only=ipv6-only";
    return NULL;
}

static void close_all(struct given_sockets *given)
{
    for (uint32_t i = 0; i < given->n; i++)
        if (given->socket[i].fd >= 0)
            close(given->socket[i].fd);
    given->n = 0;
}

static int look(struct given_socket *socket)
{
    socklen_t len = sizeof socket->address;
    const char *fault = fault_of(socket->fd);

    if (fault == NULL && (fcntl(socket->fd, F_SETFD, FD_CLOEXEC) != 0 ||
                          getsockname(socket->fd, (struct sockaddr *)&socket->address, &len) != 0))
        fault = "cannot be used";
    if (fault == NULL)
        return 0;
    log_error("the service manager's socket %d (%s) %s", socket->fd, socket->name, fault);
    return -EINVAL;
}

int given_sockets_take(struct given_sockets *given)
{
    const unsigned long n = number(getenv("LISTEN_FDS"), 1024);
    int error = 0;

    *given = (struct given_sockets){0};
    if (number(getenv("LISTEN_PID"), UINT32_MAX) == (unsigned long)getpid() && n > 0) {
        given->n = n < LISTENERS_MAX ? (uint32_t)n : LISTENERS_MAX;
        for (uint32_t i = 0; i < given->n; i++)
            given->socket[i].fd = FIRST + (int)i;
        read_names(given, getenv("LISTEN_FDNAMES"));
        if (n > LISTENERS_MAX) {
            log_error("the service manager gave %lu sockets; control.listen has %d at most", n,
                      LISTENERS_MAX);
            error = -EINVAL;
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_PIDFDID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (uint32_t i = 0; i < given->n && error == 0; i++)
        error = look(&given->socket[i]);
    if (error != 0)
        close_all(given);
    return error;
}

static bool same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a,
                             *b4 = (const struct sockaddr_in *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a,
                              *b6 = (const struct sockaddr_in6 *)b;

    if (a->ss_family != b->ss_family || a4->sin_port != b4->sin_port)
        return false;
    return a->ss_family == AF_INET ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
                                   : memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

int given_sockets_claim(struct given_sockets *given, const struct config_listen *at)
{
    for (uint32_t i = 0; i < given->n; i++) {
        struct given_socket *socket = &given->socket[i];
        if (socket->fd < 0 || !same(&socket->address, &at->address))
            continue;
        const int fd = socket->fd;
        socket->fd = -1;
        return fd;
    }
    return -1;
}

static void write_address(const struct sockaddr_storage *address, char out[ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const bool v6 = address->ss_family == AF_INET6;
    const struct sockaddr_in *v4_form = (const struct sockaddr_in *)address; // the port's place

    inet_ntop(address->ss_family,
              v6 ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                 : &v4_form->sin_addr,
              host, sizeof host);
    snprintf(out, ADDRESS_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", host, ntohs(v4_form->sin_port));
}

int given_sockets_end(struct given_sockets *given)
{
    char text[ADDRESS_TEXT_MAX];
    int error = 0;

    for (uint32_t i = 0; i < given->n; i++) {
        if (given->socket[i].fd < 0)
            continue;
        write_address(&given->socket[i].address, text);
        log_error("the service manager gave a socket at %s (%s), which control.listen does not "
                  "name; write the same addresses in both (ListenStream= in the socket unit)",
                  text, given->socket[i].name);
        error = -EINVAL;
    }
    close_all(given);
    return error;
}
