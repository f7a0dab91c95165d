#include "supervisor/given_sockets.h"

#include "base/log.h"
#include "base/printable.h"
#include "supervisor/addresses.h"

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

// The names stand in the order of the sockets, with ':' between them. Moves *names behind the
// first.
static void read_name(const char **names, char name[GIVEN_NAME_MAX])
{
    const char *text = *names == NULL ? "" : *names;
    const size_t len = strcspn(text, ":");

    snprintf(name, GIVEN_NAME_MAX, "%.*s", (int)len, text);
    printable(name, strlen(name));
    *names = text[len] == ':' ? text + len + 1 : NULL;
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

// Sorts them into both kinds. 0 or -EINVAL, logged.
static int sort(unsigned long n, const char *list, struct given_sockets *given,
                struct kept_sockets *kept)
{
    unsigned long n_given = 0;

    for (unsigned long i = 0; i < n; i++) {
        struct given_socket next = {.fd = FIRST + (int)i};
        read_name(&list, next.name);
        if (kept_sockets_take(kept, next.fd, next.name))
            continue;
        n_given++;
        if (given->n < LISTENERS_MAX)
            given->socket[given->n++] = next;
    }
    if (n_given <= LISTENERS_MAX)
        return 0;
    log_error("the service manager gave %lu sockets; control.listen has %d at most", n_given,
              LISTENERS_MAX);
    return -EINVAL;
}

int given_sockets_take(struct given_sockets *given, struct kept_sockets *kept)
{
    const unsigned long n = number(getenv("LISTEN_FDS"), 1024);
    int error = 0;

    *given = (struct given_sockets){0};
    kept_sockets_init(kept);
    if (number(getenv("LISTEN_PID"), UINT32_MAX) == (unsigned long)getpid())
        error = sort(n, getenv("LISTEN_FDNAMES"), given, kept);
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

int given_sockets_claim(struct given_sockets *given, const struct config_listen *at)
{
    for (uint32_t i = 0; i < given->n; i++) {
        struct given_socket *socket = &given->socket[i];
        if (socket->fd < 0 || !addresses_equal(&socket->address, &at->address))
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
