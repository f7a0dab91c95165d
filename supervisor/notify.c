// The protocol is that of sd_notify(3): lines of NAME=VALUE in one datagram.
#include "supervisor/notify.h"

#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIGNS = 4 }; // of life in the manager's time limit: one may be lost, one may be late

// A path, or '@' and a name in the abstract namespace.
static bool read_address(struct notify *n, const char *text)
{
    const size_t len = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof n->address.sun_path)
        return false;
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, text, len);
    n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (text[0] == '/'));
    if (text[0] == '@')
        n->address.sun_path[0] = '\0';
    return true;
}

// The variables are the manager's, or are inherited from somebody else whose watchdog it is.
static uint64_t read_watchdog(const char *limit_us, const char *pid)
{
    char *end;

    if (limit_us == NULL || (pid != NULL && strtoul(pid, NULL, 10) != (unsigned long)getpid()))
        return 0;
    const unsigned long long us = strtoull(limit_us, &end, 10);
    if (end == limit_us || *end != '\0' || us == 0)
        return 0;
    const uint64_t ms = us / 1000 / SIGNS;
    return ms == 0 ? 1 : ms;
}

void notify_open(struct notify *n)
{
    const char *address = getenv("NOTIFY_SOCKET");

    *n = (struct notify){.told = NOTIFY_STARTING};
    if (address != NULL && address[0] != '\0' && !read_address(n, address))
        log_warning("NOTIFY_SOCKET is neither the path of a socket nor '@' and a name: the service "
                    "manager is not told when the server is ready; start it with Type=simple");
    if (n->len > 0)
        n->watchdog_ms = read_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

// A socket for each message: the manager may have made its own anew.
static bool tell(const struct notify *n, const char *text)
{
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    const ssize_t sent = sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                                (const struct sockaddr *)&n->address, n->len);
    close(fd);
    return sent >= 0;
}

static bool tell_state(const struct notify *n, enum notify_state state)
{
    struct timespec now;
    char text[96];

    switch (state) {
    case NOTIFY_SERVING:
        return tell(n, "READY=1\nSTATUS=serving");
    case NOTIFY_RELOADING: // the time is what systemd 253 and later want to see
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(text, sizeof text, "RELOADING=1\nSTATUS=reloading\nMONOTONIC_USEC=%lld",
                 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
        return tell(n, text);
    case NOTIFY_STOPPING:
        return tell(n, "STOPPING=1\nSTATUS=stopping");
    case NOTIFY_STARTING:
        break;
    }
    return true;
}

void notify_tick(struct notify *n, enum notify_state state, uint64_t now_ms)
{
    if (n->len == 0)
        return;
    if (state != n->told && tell_state(n, state))
        n->told = state;
    if (n->watchdog_ms > 0 && now_ms >= n->watchdog_at_ms && tell(n, "WATCHDOG=1"))
        n->watchdog_at_ms = now_ms + n->watchdog_ms;
}
