#include "dataplane/port/xdp/buffers.h"

#include "dataplane/port/xdp/tx_stamps.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

static_assert((uint64_t)SOCKET_FRAMES * SOCKET_FRAME_LEN <= UINT32_MAX, "offsets have 32 bits");

int buffers_open(struct buffers *b, const struct socket_plan *plan)
{
    const int fault = socket_open(&b->socket, plan);
    if (fault)
        return fault;
    b->stamps = NULL;
    b->n_free = b->n_sending = 0;
    for (uint32_t i = 0; i < SOCKET_FRAMES; i++)
        buffers_give_back(b, i * SOCKET_FRAME_LEN);
    b->owed = SOCKET_RECEIVES;
    buffers_refill(b);
    return 0;
}

int buffers_use_metadata(struct buffers *b)
{
    if (!b->socket.metadata)
        return -EOPNOTSUPP;
    b->stamps = calloc(1, sizeof *b->stamps);
    return b->stamps ? 0 : -ENOMEM;
}

void buffers_close(struct buffers *b)
{
    socket_close(&b->socket);
    free(b->stamps);
    b->stamps = NULL;
}

// Of the next n buffers that have come back, those that bear a stamp. Before they are free: an
// empty buffer may be written to.
static __attribute__((noinline)) void take_stamps(struct buffers *b, uint32_t n)
{
    const struct ring *ring = &b->socket.completion;
    const uint64_t *address = ring->entry;
    for (uint32_t i = 0; i < n; i++)
        tx_stamps_back(b->stamps, b->socket.umem,
                       (uint32_t)address[(ring->consumer + i) & ring->mask]);
}

void buffers_reap(struct buffers *b)
{
    struct ring *ring = &b->socket.completion;
    const uint64_t *address = ring->entry;
    const uint32_t n = ring_ready(ring, SOCKET_SENDS);
    if (b->stamps != NULL && b->stamps->waiting != 0)
        take_stamps(b, n);
    for (uint32_t i = 0; i < n; i++)
        buffers_give_back(b, (uint32_t)address[(ring->consumer + i) & ring->mask]);
    if (n > 0)
        ring_release(ring, n);
    b->n_sending -= n;
}

void buffers_refill(struct buffers *b)
{
    struct ring *ring = &b->socket.fill;
    if (b->n_free < b->owed + BUFFERS_KEPT)
        buffers_reap(b);
    uint64_t *address = ring->entry;
    const uint32_t spare = b->n_free > BUFFERS_KEPT ? b->n_free - BUFFERS_KEPT : 0;
    const uint32_t n = ring_room(ring, b->owed < spare ? b->owed : spare);
    for (uint32_t i = 0; i < n; i++)
        address[(ring->producer + i) & ring->mask] = buffers_take(b);
    if (n > 0)
        ring_publish(ring, n);
    b->owed -= n;
}

static bool sleeps(const struct ring *ring)
{
    return (__atomic_load_n(ring->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP) != 0;
}

void buffers_wake(struct buffers *b)
{
    struct pollfd wake = {.fd = b->socket.fd, .events = POLLIN};
    if (b->socket.busy_poll)
        recvfrom(b->socket.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    else if (sleeps(&b->socket.fill))
        poll(&wake, 1, 0);
}

static bool tries_again(int error)
{
    return error == EAGAIN || error == EBUSY || error == EINTR || error == ENOBUFS;
}

// Copy mode: the kernel reads the ring only within the call, and sends a limited number of frames
// (socket.c). It is called again while it makes progress, and once more when it makes none. What
// it has not read then is taken back, because it would leave at some later call, with times that
// are no longer true. Returns how many it has not read.
static uint32_t send_copies(struct socket *socket)
{
    bool last = false;
    uint32_t unread = ring_unread(&socket->tx);
    while (unread > 0) {
        const bool failed = sendto(socket->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0;
        const int error = failed ? errno : 0;
        const uint32_t left = ring_unread(&socket->tx);
        const bool progress = left < unread;
        unread = left;
        if ((failed && !tries_again(error)) || (!progress && last))
            break;
        last = !progress;
    }
    if (unread > 0)
        ring_take_back(&socket->tx, unread);
    return unread;
}

uint32_t buffers_send(struct buffers *b, const struct xdp_desc *frame, uint32_t n)
{
    struct ring *ring = &b->socket.tx;
    struct xdp_desc *desc = ring->entry;
    const uint32_t most = SOCKET_SENDS - b->n_sending; // the others are for receiving
    uint32_t taken = ring_room(ring, n < most ? n : most);
    for (uint32_t i = 0; i < taken; i++)
        desc[(ring->producer + i) & ring->mask] = frame[i];
    if (taken == 0)
        return 0;
    ring_publish(ring, taken);
    if (!b->socket.zero_copy)
        taken -= send_copies(&b->socket);
    else if (b->socket.busy_poll || sleeps(ring))
        sendto(b->socket.fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
    b->n_sending += taken;
    return taken;
}
