#include "control/ke/ke_loop.h"

#include "base/now.h"
#include "control/ke/ke_accept.h"
#include "control/ke/ke_listen.h"
#include "control/ke/ke_note.h"
#include "control/ke/ke_serve.h"
#include "control/ke/ke_welcome.h"
#include "control/ke/slab.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    IDLE_TURN_MS = 500, // an idle loop wipes a retired cookie key after this time
    REST_MS = 1000,     // the memory of sessions that have gone is given back so often
};

static int watch_wake(struct ke_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &loop->wake};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake.fd, &event) < 0 ? -errno : 0;
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
    const struct ke_queue *const queue[] = {&loop->running, &loop->silent, &loop->kept,
                                            &loop->ending};
    for (size_t i = 0; i < sizeof queue / sizeof queue[0]; i++)
        if (queue[i]->first)
            due = sooner(due, queue[i]->first->deadline_ns);
    if (loop->paused)
        due = sooner(due, loop->resume_ns);
    return due <= now ? 0 : (int)((due - now + NOW_NS_PER_MS - 1) / NOW_NS_PER_MS);
}

static void rest(struct ke_loop *loop)
{
    if (now_ns() < loop->rest_ns)
        return;
    slab_rest();
    loop->counted_ns = ke_note_cpu(loop->shared->counters, loop->counted_ns);
    loop->rest_ns = now_ns() + REST_MS * (uint64_t)NOW_NS_PER_MS;
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
    loop->responder.udp_port = terms->udp_port;
    loop->responder.tokens = terms->tokens;
    loop->responder.kept_most = terms->kept_most;
    for (uint32_t i = 0; i < terms->n_listeners; i++)
        loop->listener[i] = (struct ke_post){KE_SOURCE_LISTENER, terms->listener[i]};
    set_span(&loop->running, terms->deadline_ns, now);
    set_span(&loop->silent, silent_span_ns(terms->deadline_ns), now);
    set_span(&loop->kept, terms->idle_ns, now);
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
               ke_accept_some(loop, loop->terms->listener[i]))
            continue;
    if (!loop->paused)
        ke_listen_unwatch(loop);
    use_terms(loop, now);
    if (!loop->paused && ke_listen_watch(loop) < 0)
        ke_listen_pause(loop, KE_PAUSED_ERROR, KE_PAUSE_MS * (uint64_t)NOW_NS_PER_MS);
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

    ke_welcome_measure(loop);
    keyring_refresh(loop->shared->ring, &loop->responder.keys);
    for (int i = 0; i < n; i++) {
        const enum ke_source *source = events[i].data.ptr;
        switch (*source) {
        case KE_SOURCE_WAKE:
            hear(loop);
            break;
        case KE_SOURCE_LISTENER:
            ke_accept_some(loop, ((const struct ke_post *)events[i].data.ptr)->fd);
            break;
        case KE_SOURCE_CONNECTION:
            ke_serve_turn(loop, events[i].data.ptr);
            break;
        }
    }
    if (atomic_load_explicit(&loop->must_end, memory_order_acquire))
        return false;
    ke_serve_expire(loop);
    rest(loop);
    ke_listen_keep_share(loop);
    ke_listen_resume(loop);
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
    int result = loop->epoll < 0 || loop->wake.fd < 0 ? -errno : watch_wake(loop);
    ke_responder_open(&loop->responder, shared->ring, shared->counters, shared->sealed);
    use_terms(loop, atomic_load_explicit(&shared->terms, memory_order_acquire));
    if (result == 0)
        result = ke_listen_watch(loop);
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

void ke_loop_close(struct ke_loop *loop)
{
    ke_serve_cut(loop);
    if (loop->wake.fd >= 0)
        close(loop->wake.fd);
    if (loop->epoll >= 0)
        close(loop->epoll);
    ke_responder_wipe(&loop->responder);
}
