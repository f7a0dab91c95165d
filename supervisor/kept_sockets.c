#include "supervisor/kept_sockets.h"

#include "base/log.h"
#include "supervisor/addresses.h"
#include "supervisor/descriptors.h"
#include "supervisor/guard_socket.h"
#include "supervisor/listeners.h"
#include "supervisor/notify.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// FDNAME= has no ':', so the names have no addresses in them; the manager forgets by name.
static const char *const names[KEPT_KINDS] = {[KEPT_KE] = "kept-ke",
                                              [KEPT_METRICS] = "kept-metrics",
                                              [KEPT_NTP] = "kept-ntp",
                                              [KEPT_CLOCK] = "kept-clock"};

void kept_sockets_init(struct kept_sockets *kept)
{
    *kept = (struct kept_sockets){.clock = -1};
}

static bool add_socket(struct kept_sockets *kept, int fd, enum kept_kind kind)
{
    struct kept_socket *socket = &kept->socket[kept->n];
    socklen_t len = sizeof socket->address;

    if (kept->n == KEPT_MAX || getsockname(fd, (struct sockaddr *)&socket->address, &len) != 0)
        return false;
    socket->fd = fd;
    socket->kind = kind;
    kept->n++;
    return true;
}

static bool add_clock(struct kept_sockets *kept, int fd)
{
    if (kept->clock >= 0)
        return false;
    kept->clock = fd;
    return true;
}

bool kept_sockets_take(struct kept_sockets *kept, int fd, const char *name)
{
    enum kept_kind kind = 0;

    while (kind < KEPT_KINDS && strcmp(name, names[kind]) != 0)
        kind++;
    if (kind == KEPT_KINDS)
        return false;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        !(kind == KEPT_CLOCK ? add_clock(kept, fd) : add_socket(kept, fd, kind))) {
        close(fd);
        kept->stale = true;
    }
    return true;
}

int kept_sockets_listener(struct kept_sockets *kept, enum kept_kind kind,
                          const struct config_listen *at)
{
    for (uint32_t i = 0; i < kept->n; i++) {
        struct kept_socket *socket = &kept->socket[i];
        if (socket->fd < 0 || socket->kind != kind ||
            !addresses_equal(&socket->address, &at->address) || !listener_adopt(socket->fd))
            continue;
        const int fd = socket->fd;
        socket->fd = -1;
        return fd;
    }
    return -1;
}

int kept_sockets_udp(struct kept_sockets *kept, const struct sockaddr_storage *address,
                     bool answered, bool shared)
{
    for (uint32_t i = 0; i < kept->n; i++) {
        struct kept_socket *socket = &kept->socket[i];
        if (socket->fd < 0 || socket->kind != KEPT_NTP ||
            !addresses_equal(&socket->address, address) ||
            !guard_socket_adopt(socket->fd, answered, shared))
            continue;
        const int fd = socket->fd;
        socket->fd = -1;
        return fd;
    }
    return -1;
}

int kept_sockets_clock(struct kept_sockets *kept)
{
    const int fd = kept->clock;
    kept->clock = -1;
    return fd;
}

bool kept_sockets_end(struct kept_sockets *kept)
{
    uint32_t closed = 0;

    if (kept->clock >= 0)
        close(kept->clock);
    kept->clock = -1;

    for (uint32_t i = 0; i < kept->n; i++) {
        if (kept->socket[i].fd < 0)
            continue;
        close(kept->socket[i].fd);
        closed++;
    }
    const uint32_t used = kept->n - closed;
    kept->n = 0;
    if (used > 0)
        log_info("the service manager has kept sockets of this server (%u): what waits in them is "
                 "served",
                 used);
    return kept->stale || closed > 0;
}

static uint32_t add(int *fd, uint32_t n, const int *held, uint32_t most)
{
    for (uint32_t i = 0; i < most; i++)
        if (held[i] >= 0)
            fd[n++] = held[i];
    return n;
}

// Those that a socket unit has opened stay with the manager in any case.
static uint32_t held_listeners(const struct descriptors *held, int *fd)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < CONFIG_LISTEN_MAX; i++)
        if (!held->given[i])
            n = add(fd, n, &held->listener[i], 1);
    return n;
}

bool kept_sockets_tell(const struct descriptors *held, const struct notify *notify)
{
    int fd[KEPT_MAX];
    uint32_t n = held_listeners(held, fd);
    bool sent = notify_keep(notify, names[KEPT_KE], fd, n);

    n = add(fd, 0, &held->metrics_listener, 1);
    sent = notify_keep(notify, names[KEPT_METRICS], fd, n) && sent;
    n = add(fd, 0, &held->kept_offset, 1);
    sent = notify_keep(notify, names[KEPT_CLOCK], fd, n) && sent;
    n = add(fd, 0, held->guard, GUARDS_MAX);
    n = add(fd, n, held->socket, SOCKETS_MAX);
    return notify_keep(notify, names[KEPT_NTP], fd, n) && sent;
}
