#include "control/ke/ke_loop.h"

#include "base/log.h"
#include "base/now.h"
#include "control/ke/slab.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    ACCEPT_BURST = 64,  // connections accepted before the other events are handled
    IDLE_TURN_MS = 500, // an idle loop wipes a retired cookie key after this time
    REST_MS = 1000,     // the memory of sessions that have gone is given back so often
};

// The limit applies to all loops together. A place is taken before accept, so that there is never a
// connection too many.
static bool take_place(struct ke_loop *loop)
{
    uint32_t open =
        atomic_fetch_add_explicit(&loop->shared->counters->open, 1, memory_order_relaxed);
    return open < loop->terms->max_connections;
}

static void return_place(struct ke_shared *shared)
{
    atomic_fetch_sub_explicit(&shared->counters->open, 1, memory_order_relaxed);
}

static int watch(struct ke_loop *loop, int fd, uint32_t events, void *post)
{
    struct epoll_event event = {.events = events, .data.ptr = post};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_listeners(struct ke_loop *loop)
{
    for (uint32_t i = 0; i < loop->terms->n_listeners; i++) {
        // Exclusive: one connection wakes one loop.
        int result =
            watch(loop, loop->listener[i].fd, EPOLLIN | EPOLLEXCLUSIVE, &loop->listener[i]);
        if (result < 0 && result != -EEXIST)
            return result;
    }
    return 0;
}

static void unwatch_listeners(struct ke_loop *loop)
{
    for (uint32_t i = 0; i < loop->terms->n_listeners; i++)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener[i].fd, NULL);
}

// Connections meanwhile wait in the listeners' backlogs, where they cost nothing, and are served
// when there is room. That is better than a refusal, after which RFC 8915 makes a client wait long.
static void pause_accepting(struct ke_loop *loop, enum ke_counter why)
{
    ke_count(loop->shared->counters, why);
    unwatch_listeners(loop);
    loop->paused = true;
    loop->resume_ns = now_ns() + KE_PAUSE_MS * (uint64_t)NOW_NS_PER_MS;
}

// Moves a connection to the right queue after its turn, and updates its events or frees it.
static void settle(struct ke_loop *loop, struct ke_connection *c)
{
    if (c->stage == KE_ENDED) {
        ke_queue_remove(c);
        ke_connection_free(c); // closing the socket also removes it from epoll
        return_place(loop->shared);
        return;
    }
    if (c->stage == KE_DRAINING && c->queue != &loop->ending) {
        ke_queue_remove(c);
        ke_queue_append(&loop->ending, c, now_ns());
    }
    if (c->wants_write != c->armed_for_write) {
        struct epoll_event event = {.events = c->wants_write ? EPOLLOUT : EPOLLIN, .data.ptr = c};
        epoll_ctl(loop->epoll, EPOLL_CTL_MOD, c->fd, &event);
        c->armed_for_write = c->wants_write;
    }
}

// Makes a connection of fd and takes its first turn: the kernel hands out connections that have
// sent something. False, with fd closed, when the system has no room for it.
static bool admit(struct ke_loop *loop, int fd)
{
    struct ke_shared *shared = loop->shared;
    struct ke_connection *c = ke_connection_new(fd, shared->tls);
    if (!c) {
        close(fd);
        return false;
    }
    if (watch(loop, fd, EPOLLIN, c) < 0) {
        ke_connection_free(c);
        return false;
    }
    ke_count(shared->counters, KE_ACCEPTED);
    ke_connection_turn(c, &loop->responder, shared->counters);
    ke_queue_append(c->wire.received == 0 ? &loop->silent : &loop->running, c, now_ns());
    settle(loop, c);
    return true;
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

static bool is_allowed(const struct prefixes *sources, const struct sockaddr_storage *from)
{
    if (sources == NULL)
        return true;
    if (from->ss_family == AF_INET)
        return prefixes_allow_v4(sources,
                                 (const uint8_t *)&((const struct sockaddr_in *)from)->sin_addr);
    return prefixes_allow_v6(sources, ((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr);
}

// True when more may wait.
static bool accept_some(struct ke_loop *loop, int listener)
{
    struct ke_shared *shared = loop->shared;

    for (int i = 0; i < ACCEPT_BURST && !loop->paused; i++) {
        if (!take_place(loop)) {
            return_place(shared);
            pause_accepting(loop, KE_PAUSED_FULL);
            return false;
        }
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && !is_allowed(loop->terms->sources, &from)) {
            close(fd);
            return_place(shared);
            ke_count(shared->counters, KE_DENIED);
            continue;
        }
        if (fd >= 0 && admit(loop, fd))
            continue;
        int error = fd >= 0 ? ENOMEM : errno;
        return_place(shared);
        if (error == EAGAIN)
            return false;
        if (is_about_one_connection(error))
            continue;
        // Descriptors or memory ran out, or the error is unknown: none is a reason to end.
        static struct log_limit limit;
        log_limited(&limit, LOG_LEVEL_WARNING, "cannot accept connections for a moment: %s",
                    strerror(error));
        pause_accepting(loop, KE_PAUSED_ERROR);
    }
    return !loop->paused;
}

static void expire(struct ke_loop *loop)
{
    uint64_t now = now_ns();
    struct ke_connection *c;

    while ((c = loop->ending.first) && c->deadline_ns <= now) {
        ke_connection_expire(c, loop->shared->counters);
        c->stage = KE_ENDED;
        settle(loop, c);
    }
    while (((c = loop->running.first) && c->deadline_ns <= now) ||
           ((c = loop->silent.first) && c->deadline_ns <= now)) {
        ke_connection_expire(c, loop->shared->counters);
        ke_queue_remove(c);
        ke_queue_append(&loop->ending, c, now);
        settle(loop, c);
    }
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Milliseconds until something is due, rounded up.
static int wait_ms(const struct ke_loop *loop)
{
    uint64_t now = now_ns();
    uint64_t due = now + IDLE_TURN_MS * (uint64_t)NOW_NS_PER_MS;
    if (loop->running.first)
        due = sooner(due, loop->running.first->deadline_ns);
    if (loop->silent.first)
        due = sooner(due, loop->silent.first->deadline_ns);
    if (loop->ending.first)
        due = sooner(due, loop->ending.first->deadline_ns);
    if (loop->paused)
        due = sooner(due, loop->resume_ns);
    return due <= now ? 0 : (int)((due - now + NOW_NS_PER_MS - 1) / NOW_NS_PER_MS);
}

static void rest(struct ke_loop *loop)
{
    const uint64_t now = now_ns();
    if (now < loop->rest_ns)
        return;
    slab_rest();
    loop->rest_ns = now + REST_MS * (uint64_t)NOW_NS_PER_MS;
}

// A connection that has sent nothing has waited in the kernel already. It may also come from a SYN
// cookie, and then has not, so that it always keeps a part of the time.
static uint64_t silent_span_ns(uint64_t deadline_ns)
{
    const uint64_t waited_ns = KE_SILENT_MS * (uint64_t)NOW_NS_PER_MS;
    const uint64_t part_ns = deadline_ns / 4;
    return deadline_ns > waited_ns + part_ns ? deadline_ns - waited_ns : part_ns;
}

// A new deadline holds for open connections too, from now on, where it is sooner: so the first of a
// queue still expires first.
static void set_span(struct ke_queue *queue, uint64_t span_ns, uint64_t now)
{
    queue->span_ns = span_ns;
    for (struct ke_connection *c = queue->first; c; c = c->next)
        c->deadline_ns = sooner(c->deadline_ns, now + span_ns);
}

static void use_terms(struct ke_loop *loop, const struct ke_terms *terms)
{
    const uint64_t now = now_ns();
    loop->terms = terms;
    loop->responder.ntp_server = terms->ntp_server;
    for (uint32_t i = 0; i < terms->n_listeners; i++)
        loop->listener[i] = (struct ke_post){KE_SOURCE_LISTENER, terms->listener[i]};
    set_span(&loop->running, terms->deadline_ns, now);
    set_span(&loop->silent, silent_span_ns(terms->deadline_ns), now);
}

// Takes other terms, if there are some. Who waits in a listener that goes is accepted before, as
// far as there is room.
static void refresh_terms(struct ke_loop *loop)
{
    // Acquire, with ke_change: the terms are complete.
    const struct ke_terms *now = atomic_load_explicit(&loop->shared->terms, memory_order_acquire);
    if (now == loop->terms)
        return;
    for (uint32_t i = 0; i < loop->terms->n_listeners; i++)
        while (!ke_terms_have(now, loop->terms->listener[i]) &&
               accept_some(loop, loop->terms->listener[i]))
            continue;
    if (!loop->paused)
        unwatch_listeners(loop);
    use_terms(loop, now);
    if (!loop->paused && watch_listeners(loop) < 0)
        pause_accepting(loop, KE_PAUSED_ERROR);
    sem_post(&loop->shared->taken);
}

// An eventfd is read, so that it does not wake the loop again.
static void hear(struct ke_loop *loop)
{
    uint64_t n;
    if (read(loop->wake.fd, &n, sizeof n) < 0)
        return; // it has been read already
}

// False when the loop must end.
static bool turn(struct ke_loop *loop)
{
    struct epoll_event events[EVENTS];
    refresh_terms(loop);
    int n = epoll_wait(loop->epoll, events, EVENTS, wait_ms(loop));

    keyring_refresh(loop->shared->ring, &loop->responder.keys);
    for (int i = 0; i < n; i++) {
        const enum ke_source *source = events[i].data.ptr;
        switch (*source) {
        case KE_SOURCE_WAKE:
            hear(loop);
            break;
        case KE_SOURCE_LISTENER:
            accept_some(loop, ((const struct ke_post *)events[i].data.ptr)->fd);
            break;
        case KE_SOURCE_CONNECTION: {
            struct ke_connection *c = events[i].data.ptr;
            ke_connection_turn(c, &loop->responder, loop->shared->counters);
            settle(loop, c);
            break;
        }
        }
    }
    if (atomic_load_explicit(&loop->must_end, memory_order_acquire))
        return false;
    expire(loop);
    rest(loop);
    if (loop->paused && now_ns() >= loop->resume_ns) {
        loop->paused = false;
        if (watch_listeners(loop) < 0)
            pause_accepting(loop, KE_PAUSED_ERROR);
    }
    return true;
}

void ke_loop_run(struct ke_loop *loop)
{
    while (turn(loop)) {
    }
}

int ke_loop_open(struct ke_loop *loop, struct ke_shared *shared)
{
    memset(loop, 0, sizeof *loop);
    loop->shared = shared;
    loop->ending.span_ns = KE_LINGER_MS * (uint64_t)NOW_NS_PER_MS;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = (struct ke_post){KE_SOURCE_WAKE, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    int result = loop->epoll < 0 || loop->wake.fd < 0
                     ? -errno
                     : watch(loop, loop->wake.fd, EPOLLIN, &loop->wake);
    ke_responder_open(&loop->responder, "", shared->udp_port, shared->ring);
    use_terms(loop, atomic_load_explicit(&shared->terms, memory_order_acquire));
    if (result == 0)
        result = watch_listeners(loop);
    if (result < 0)
        ke_loop_close(loop);
    return result;
}

void ke_loop_wake(struct ke_loop *loop)
{
    const uint64_t one = 1;
    // Fails only when the counter is full of earlier calls.
    if (write(loop->wake.fd, &one, sizeof one) < 0)
        return;
}

void ke_loop_stop(struct ke_loop *loop)
{
    atomic_store_explicit(&loop->must_end, true, memory_order_release);
    ke_loop_wake(loop);
}

static void cut(struct ke_loop *loop, struct ke_queue *queue)
{
    while (queue->first) {
        queue->first->stage = KE_ENDED;
        settle(loop, queue->first);
    }
}

void ke_loop_close(struct ke_loop *loop)
{
    cut(loop, &loop->running);
    cut(loop, &loop->silent);
    cut(loop, &loop->ending);
    if (loop->wake.fd >= 0)
        close(loop->wake.fd);
    if (loop->epoll >= 0)
        close(loop->epoll);
    ke_responder_wipe(&loop->responder);
}
