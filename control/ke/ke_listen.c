#include "control/ke/ke_listen.h"

#include "base/now.h"

#include <errno.h>
#include <sys/epoll.h>

bool ke_listen_take_place(struct ke_loop *loop)
{
    uint32_t open =
        atomic_fetch_add_explicit(&loop->shared->counters->open, 1, memory_order_relaxed);
    const bool taken = open < loop->terms->max_connections;
    if (!taken)
        ke_listen_return_place(loop);
    return taken;
}

void ke_listen_return_place(struct ke_loop *loop)
{
    atomic_fetch_sub_explicit(&loop->shared->counters->open, 1, memory_order_relaxed);
}

int ke_listen_watch(struct ke_loop *loop)
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

void ke_listen_unwatch(struct ke_loop *loop)
{
    for (uint32_t i = 0; i < loop->terms->n_listeners; i++)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener[i].fd, NULL);
}

void ke_listen_pause(struct ke_loop *loop, enum ke_counter why, uint64_t ns)
{
    ke_count(loop->shared->counters, why);
    ke_listen_unwatch(loop);
    loop->paused = true;
    loop->resume_ns = now_ns() + ns;
}

void ke_listen_keep_share(struct ke_loop *loop)
{
    const uint32_t share = loop->terms->shares.all;
    if (share == 0 || loop->paused)
        return;
    const uint64_t wait_ns = ke_budget_wait_ns(&loop->budget, share, now_ns());
    if (wait_ns == 0)
        return;
    ke_listen_pause(loop, KE_PAUSED_CPU, wait_ns);
    // Those that came before its end have waited behind others.
    loop->crowded_ns = loop->resume_ns + KE_WAITED_MS * (uint64_t)NOW_NS_PER_MS;
}

void ke_listen_resume(struct ke_loop *loop)
{
    if (!loop->paused || now_ns() < loop->resume_ns)
        return;
    loop->paused = false;
    if (ke_listen_watch(loop) < 0)
        ke_listen_pause(loop, KE_PAUSED_ERROR, KE_PAUSE_MS * (uint64_t)NOW_NS_PER_MS);
}
