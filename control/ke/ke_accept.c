#include "control/ke/ke_accept.h"

#include "base/log.h"
#include "base/now.h"
#include "control/ke/ke_listen.h"
#include "control/ke/ke_serve.h"
#include "control/ke/ke_welcome.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPT_BURST = 64, // connections accepted before the other events are handled
};

// Errors of accept(2) that concern one connection that failed while it waited: the next one may be
// good.
static bool is_about_one_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

// Takes over an accepted socket. False, with it closed, when the system has no room for it.
static bool receive(struct ke_loop *loop, int fd, const struct sockaddr_storage *address)
{
    const struct ke_source_address from = ke_source_of(address);
    const struct prefixes *balancers = loop->terms->balancers;
    const bool is_balancer = balancers != NULL && ke_source_is_in(balancers, &from);
    enum ke_counter why;

    if (is_balancer || ke_welcome(loop, fd, &from, &why))
        return ke_serve_new(loop, fd, &from, is_balancer);
    // What the client has sent is not read: so the kernel ends the connection with a RST, keeps no
    // state, and the client knows at once.
    close(fd);
    ke_listen_return_place(loop);
    ke_count(loop->shared->counters, why);
    // To nobody: the next client must not pay for it, and who is refused keeps its steady rate.
    ke_welcome_charge(loop, NULL);
    return true;
}

bool ke_accept_some(struct ke_loop *loop, int listener)
{
    const uint64_t pause_ns = KE_PAUSE_MS * (uint64_t)NOW_NS_PER_MS;

    for (int i = 0; i < ACCEPT_BURST && !loop->paused; i++) {
        if (!ke_listen_take_place(loop)) {
            ke_listen_pause(loop, KE_PAUSED_FULL, pause_ns);
            return false;
        }
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = accept4(listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && receive(loop, fd, &address)) {
            ke_listen_keep_share(loop);
            continue;
        }
        int error = fd >= 0 ? ENOMEM : errno;
        ke_listen_return_place(loop);
        if (error == EAGAIN)
            return false;
        if (is_about_one_connection(error))
            continue;
        // Descriptors or memory ran out, or the error is unknown: none is a reason to end.
        static struct log_limit limit;
        log_limited(&limit, LOG_LEVEL_WARNING, "cannot accept connections for a moment: %s",
                    strerror(error));
        ke_listen_pause(loop, KE_PAUSED_ERROR, pause_ns);
    }
    return !loop->paused;
}
