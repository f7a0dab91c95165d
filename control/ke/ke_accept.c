#include "control/ke/ke_accept.h"

#include "base/log.h"
#include "base/now.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPT_BURST = 64, // connections accepted before the other events are handled
    // Clients give up after 2 s (chronyd) or 3 s (ntpsec): what has waited for as long is served in
    // vain.
    WAITED_MS = 1500,
};

// The limit applies to all loops together. A place is taken before accept, so that there is never a
// connection too many.
static bool take_place(struct ke_loop *loop)
{
    uint32_t open =
        atomic_fetch_add_explicit(&loop->shared->counters->open, 1, memory_order_relaxed);
    return open < loop->terms->max_connections;
}

void ke_accept_return_place(struct ke_loop *loop)
{
    atomic_fetch_sub_explicit(&loop->shared->counters->open, 1, memory_order_relaxed);
}

int ke_accept_watch(struct ke_loop *loop)
{
    for (uint32_t i = 0; i < loop->terms->n_listeners; i++) {
        // Exclusive: one connection wakes one loop, and a loop that has nothing to do takes it.
        // Sockets of each loop's own (SO_REUSEPORT) were measured and are no better: under load two
        // loops share a listener evenly (396 and 367 ms of CPU time for 2,130 exchanges), and with
        // little load one loop takes nearly all, which delays nobody. With them, connections would
        // wait behind a loop that pauses, and those in a socket that goes would be lost.
        struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE,
                                    .data.ptr = &loop->listener[i]};
        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listener[i].fd, &event) < 0 &&
            errno != EEXIST)
            return -errno;
    }
    return 0;
}

void ke_accept_unwatch(struct ke_loop *loop)
{
    for (uint32_t i = 0; i < loop->terms->n_listeners; i++)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener[i].fd, NULL);
}

void ke_accept_pause(struct ke_loop *loop, enum ke_counter why, uint64_t ns)
{
    ke_count(loop->shared->counters, why);
    ke_accept_unwatch(loop);
    loop->paused = true;
    loop->resume_ns = now_ns() + ns;
}

void ke_accept_keep_share(struct ke_loop *loop)
{
    const uint32_t share = loop->terms->shares.all;
    if (share == 0 || loop->paused)
        return;
    const uint64_t wait_ns = ke_budget_wait_ns(&loop->budget, share, now_ns());
    if (wait_ns == 0)
        return;
    ke_accept_pause(loop, KE_PAUSED_CPU, wait_ns);
    // Those that came before its end have waited behind others.
    loop->crowded_ns = loop->resume_ns + WAITED_MS * (uint64_t)NOW_NS_PER_MS;
}

void ke_accept_resume(struct ke_loop *loop)
{
    if (!loop->paused || now_ns() < loop->resume_ns)
        return;
    loop->paused = false;
    if (ke_accept_watch(loop) < 0)
        ke_accept_pause(loop, KE_PAUSED_ERROR, KE_PAUSE_MS * (uint64_t)NOW_NS_PER_MS);
}

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

// Has its client waited for so long since it sent something that it will be gone?
static bool has_waited(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_last_data_recv >= WAITED_MS;
}

// Is its prefix above the limit of CPU time? In a dry run that is only counted.
static bool is_over_limit(struct ke_loop *loop, const struct ke_source_address *from)
{
    const struct ke_shares *shares = &loop->terms->shares;
    if (shares->host.ns_per_s == 0 ||
        !ke_cpu_limit_is_over(loop->shared->cpu_limit, from, &shares->host, now_ns()))
        return false;
    if (shares->dry_run)
        ke_count(loop->shared->counters, KE_DRY_RUN);
    return !shares->dry_run;
}

bool ke_accept_is_welcome(struct ke_loop *loop, int fd, const struct ke_source_address *from,
                          enum ke_counter *why)
{
    if (!ke_source_is_in(loop->terms->sources, from))
        *why = KE_DENIED;
    else if (is_over_limit(loop, from))
        *why = KE_REFUSED_LIMIT;
    else if (loop->crowded_ns > now_ns() && has_waited(fd))
        *why = KE_REFUSED_WAITED;
    else
        return true;
    return false;
}

// Takes over an accepted socket. False, with it closed, when the system has no room for it.
static bool receive(struct ke_loop *loop, int fd, const struct sockaddr_storage *address)
{
    const struct ke_source_address from = ke_source_of(address);
    const struct prefixes *balancers = loop->terms->balancers;
    const bool is_balancer = balancers != NULL && ke_source_is_in(balancers, &from);
    enum ke_counter why;

    if (is_balancer || ke_accept_is_welcome(loop, fd, &from, &why))
        return ke_loop_admit(loop, fd, &from, is_balancer);
    // What the client has sent is not read: so the kernel ends the connection with a RST, keeps no
    // state, and the client knows at once.
    close(fd);
    ke_accept_return_place(loop);
    ke_count(loop->shared->counters, why);
    // To nobody: the next client must not pay for it, and who is refused keeps its steady rate.
    ke_loop_charge(loop, NULL);
    return true;
}

bool ke_accept_some(struct ke_loop *loop, int listener)
{
    const uint64_t pause_ns = KE_PAUSE_MS * (uint64_t)NOW_NS_PER_MS;

    for (int i = 0; i < ACCEPT_BURST && !loop->paused; i++) {
        if (!take_place(loop)) {
            ke_accept_return_place(loop);
            ke_accept_pause(loop, KE_PAUSED_FULL, pause_ns);
            return false;
        }
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = accept4(listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && receive(loop, fd, &address)) {
            ke_accept_keep_share(loop);
            continue;
        }
        int error = fd >= 0 ? ENOMEM : errno;
        ke_accept_return_place(loop);
        if (error == EAGAIN)
            return false;
        if (is_about_one_connection(error))
            continue;
        // Descriptors or memory ran out, or the error is unknown: none is a reason to end.
        static struct log_limit limit;
        log_limited(&limit, LOG_LEVEL_WARNING, "cannot accept connections for a moment: %s",
                    strerror(error));
        ke_accept_pause(loop, KE_PAUSED_ERROR, pause_ns);
    }
    return !loop->paused;
}
