#include "control/ke/ke_serve.h"

#include "base/now.h"
#include "control/ke/ke_introduce.h"
#include "control/ke/ke_listen.h"
#include "control/ke/ke_welcome.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

// Between two requests it is idle; a request has the time of any other exchange.
static void settle_kept(struct ke_loop *loop, struct ke_connection *c)
{
    struct ke_queue *queue = c->stage == KE_READING && c->len == 0 ? &loop->kept : &loop->running;
    if (c->queue == queue && !c->renewed)
        return;
    c->renewed = false;
    ke_queue_remove(c);
    ke_queue_append(queue, c, now_ns());
}

// Moves a connection to the right queue after its turn, and updates its events or frees it.
static void settle(struct ke_loop *loop, struct ke_connection *c)
{
    if (c->stage == KE_ENDED) {
        if (c->kept)
            ke_responder_let_go(loop->shared->counters);
        ke_queue_remove(c);
        ke_connection_free(c); // closing the socket also removes it from epoll
        ke_listen_return_place(loop);
        return;
    }
    if (c->stage == KE_DRAINING && c->queue != &loop->ending) {
        ke_queue_remove(c);
        ke_queue_append(&loop->ending, c, now_ns());
    }
    if (c->kept && (c->stage == KE_READING || c->stage == KE_ANSWERING))
        settle_kept(loop, c);
    if (c->wants_write != c->armed_for_write) {
        struct epoll_event event = {.events = c->wants_write ? EPOLLOUT : EPOLLIN, .data.ptr = c};
        epoll_ctl(loop->epoll, EPOLL_CTL_MOD, c->fd, &event);
        c->armed_for_write = c->wants_write;
    }
}

// One turn of a connection; where it begins with a header, TLS follows that.
static void serve(struct ke_loop *loop, struct ke_connection *c)
{
    if (c->header == NULL || ke_introduce(loop, c))
        ke_connection_turn(c, &loop->responder, loop->shared->counters);
}

// Charges the turn to the client, once it is known, and frees the connection if it has ended.
static void finish(struct ke_loop *loop, struct ke_connection *c)
{
    const struct ke_source_address from = c->from;
    const bool known = c->header == NULL;
    settle(loop, c);
    ke_welcome_charge(loop, known ? &from : NULL);
}

void ke_serve_turn(struct ke_loop *loop, struct ke_connection *c)
{
    serve(loop, c);
    finish(loop, c);
}

static bool watch(struct ke_loop *loop, struct ke_connection *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

bool ke_serve_new(struct ke_loop *loop, int fd, const struct ke_source_address *from,
                  bool has_header)
{
    struct ke_shared *shared = loop->shared;
    struct ke_connection *c = ke_connection_new(fd, shared->tls);
    if (!c) {
        close(fd);
        return false;
    }
    if ((has_header && !ke_introduce_begin(c)) || !watch(loop, c)) {
        ke_connection_free(c);
        return false;
    }
    c->from = *from;
    if (!has_header)
        ke_count(shared->counters, KE_ACCEPTED);
    serve(loop, c);
    const bool silent = c->wire.received == 0 && !(has_header && ke_introduce_has_begun(c));
    ke_queue_append(silent ? &loop->silent : &loop->running, c, now_ns());
    finish(loop, c);
    return true;
}

void ke_serve_expire(struct ke_loop *loop)
{
    uint64_t now = now_ns();
    struct ke_connection *c;

    while ((c = loop->ending.first) && c->deadline_ns <= now) {
        ke_connection_expire(c, loop->shared->counters);
        c->stage = KE_ENDED;
        settle(loop, c);
    }
    while (((c = loop->running.first) && c->deadline_ns <= now) ||
           ((c = loop->silent.first) && c->deadline_ns <= now) ||
           ((c = loop->kept.first) && c->deadline_ns <= now)) {
        if (c->header == NULL)
            ke_connection_expire(c, loop->shared->counters);
        else
            ke_introduce_expire(loop, c);
        ke_queue_remove(c);
        ke_queue_append(&loop->ending, c, now);
        settle(loop, c);
    }
}

static void cut(struct ke_loop *loop, struct ke_queue *queue)
{
    while (queue->first) {
        queue->first->stage = KE_ENDED;
        settle(loop, queue->first);
    }
}

void ke_serve_cut(struct ke_loop *loop)
{
    cut(loop, &loop->running);
    cut(loop, &loop->silent);
    cut(loop, &loop->kept);
    cut(loop, &loop->ending);
}
