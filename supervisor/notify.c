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

// A socket for each message: the manager may have made its own anew. The descriptors go with it.
static bool tell_with(const struct notify *n, const char *text, const int *fd, uint32_t n_fds)
{
    _Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(NOTIFY_KEEP_MAX * sizeof *fd)] = {0};
    struct iovec line = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_name = (void *)(uintptr_t)&n->address,
                             .msg_namelen = n->len,
                             .msg_iov = &line,
                             .msg_iovlen = 1};
    const int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (s < 0)
        return false;
    if (n_fds > 0) {
        message.msg_control = ancillary;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof *fd);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(n_fds * sizeof *fd),
                              .cmsg_level = SOL_SOCKET,
                              .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(c), fd, n_fds * sizeof *fd);
    }
    const ssize_t sent = sendmsg(s, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(s);
    return sent >= 0;
}

static bool tell(const struct notify *n, const char *text)
{
    return tell_with(n, text, NULL, 0);
}

// The manager forgets by name alone, so it forgets all of that name first: this process still holds
// those that go on. FDPOLL=0: the manager would wait for errors of the sockets, which costs each
// packet of them a little.
bool notify_keep(const struct notify *n, const char *name, const int *fd, uint32_t n_fds)
{
    char text[96];

    if (n->len == 0)
        return true;
    snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
    if (!tell(n, text))
        return false;
    snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
    return n_fds == 0 || tell_with(n, text, fd, n_fds);
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
