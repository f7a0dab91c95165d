// port.h over an AF_XDP socket. A reply is written into a second buffer; the request's buffer is
// free as soon as the reply is sent.
#include "dataplane/port/xdp/queue.h"

#include "board/counters.h"
#include "dataplane/port/paced.h"
#include "dataplane/port/xdp/steer.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    XDP_HEADROOM = 256, // that the kernel leaves in front of a received frame (XDP_PACKET_HEADROOM)
    // With this the stamp is in the cache line in which the frame begins.
    HEADROOM = sizeof(struct steer_stamp),
};
static_assert(FRAME_MAX + XDP_HEADROOM + HEADROOM <= SOCKET_FRAME_LEN, "a frame fits one buffer");
static_assert((uint64_t)SOCKET_FRAMES * SOCKET_FRAME_LEN <= UINT32_MAX, "offsets have 32 bits");

static struct queue *queue_of(struct port *port)
{
    static_assert(offsetof(struct queue, port) == 0, "a port is the beginning of its queue");
    return (struct queue *)port;
}

static void give_back(struct queue *q, uint32_t offset)
{
    q->free[q->n_free++] = offset & (uint32_t)SOCKET_FRAME_MASK;
}

// Takes back the buffers of frames that have been sent.
static void reap(struct queue *q)
{
    struct ring *ring = &q->socket.completion;
    const uint64_t *address = ring->entry;
    const uint32_t n = ring_ready(ring, SOCKET_RING_LEN);
    for (uint32_t i = 0; i < n; i++)
        give_back(q, (uint32_t)address[(ring->consumer + i) & ring->mask]);
    if (n > 0)
        ring_release(ring, n);
    q->n_sending -= n;
}

// Gives the kernel as many empty buffers as it is owed, but keeps a burst's worth for replies.
static void refill(struct queue *q)
{
    struct ring *ring = &q->socket.fill;
    if (q->n_free < q->owed + LANES)
        reap(q);
    uint64_t *address = ring->entry;
    const uint32_t spare = q->n_free > LANES ? q->n_free - LANES : 0;
    uint32_t n = q->owed < spare ? q->owed : spare;
    n = ring_room(ring, n);
    for (uint32_t i = 0; i < n; i++)
        address[(ring->producer + i) & ring->mask] = q->free[--q->n_free];
    if (n > 0)
        ring_publish(ring, n);
    q->owed -= n;
}

// An empty poll. In copy mode the kernel receives without us, so this is no system call.
static __attribute__((noinline)) void wake_receiver(struct queue *q)
{
    if (q->socket.busy_poll) {
        recvfrom(q->socket.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
        return;
    }
    struct pollfd wake = {.fd = q->socket.fd, .events = POLLIN};
    poll(&wake, 1, 0);
}

static bool sleeps(const struct ring *ring)
{
    return (__atomic_load_n(ring->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP) != 0;
}

// Buffers are used again, so an earlier frame's stamp is removed.
static void take_stamps(struct queue *q, struct burst *burst, uint32_t n)
{
    lane_set stamped = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct steer_stamp *stamp = (struct steer_stamp *)(void *)burst->frame[i] - 1;
        burst->stamp[i] = stamp->monotonic_ns;
        stamped |= (lane_set)(stamp->magic == STEER_STAMP_MAGIC) << i;
        stamp->magic = 0;
    }
    burst->stamped = stamped;
    counter_add(&q->port.stamped, lane_count(stamped));
    counter_add(&q->port.unstamped, n - lane_count(stamped));
}

static lane_set queue_rx(struct port *port, struct burst *burst)
{
    struct queue *q = queue_of(port);
    struct ring *ring = &q->socket.rx;
    assert(q->n_free >= LANES); // refill has left them, and each turn gives back what it takes
    const uint32_t n = ring_ready(ring, LANES);
    burst->drained = n < BURST_DRAINED;
    burst->stamped = 0;
    if (q->owed > 0)
        refill(q);
    if (n == 0) {
        if (q->socket.busy_poll || sleeps(&q->socket.fill))
            wake_receiver(q);
        return 0;
    }
    const struct xdp_desc *desc = ring->entry;
    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *at = &desc[(ring->consumer + i) & ring->mask];
        const uint32_t offset = (uint32_t)at->addr;
        __builtin_prefetch(q->socket.umem + offset);
        q->request[i] = offset;
        q->reply[i] = q->free[--q->n_free] | (offset & ~(uint32_t)SOCKET_FRAME_MASK);
        burst->frame[i] = q->socket.umem + offset;
        burst->len[i] = at->len < UINT16_MAX ? (uint16_t)at->len : UINT16_MAX;
        burst->reply[i] = q->socket.umem + q->reply[i];
    }
    ring_release(ring, n);
    q->owed += n;
    take_stamps(q, burst, n);
    return lane_first(n);
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

struct sending {
    struct queue *queue;
    const struct burst *burst;
    uint8_t lane[LANES]; // of each reply
};
static_assert(LANES - 1 <= UINT8_MAX, "a lane's number is an octet");

static uint16_t send_some(void *self, uint16_t from, uint16_t n)
{
    const struct sending *s = self;
    struct queue *q = s->queue;
    struct ring *ring = &q->socket.tx;
    struct xdp_desc *desc = ring->entry;
    const uint32_t most = SOCKET_RING_LEN - q->n_sending; // the others are for receiving
    uint32_t taken = ring_room(ring, n < most ? n : most);
    for (uint32_t i = 0; i < taken; i++) {
        const uint8_t lane = s->lane[from + i];
        desc[(ring->producer + i) & ring->mask] =
            (struct xdp_desc){.addr = q->reply[lane], .len = s->burst->reply_len[lane]};
    }
    if (taken == 0)
        return 0;
    ring_publish(ring, taken);
    if (!q->socket.zero_copy)
        taken -= send_copies(&q->socket);
    else if (q->socket.busy_poll || sleeps(ring))
        sendto(q->socket.fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
    q->n_sending += taken;
    return (uint16_t)taken;
}

static lane_set queue_tx(struct port *port, struct burst *burst, lane_set answer)
{
    struct queue *q = queue_of(port);
    struct sending sending = {.queue = q, .burst = burst};
    uint16_t n = 0;
    for (lane_set rest = answer; rest != 0;)
        sending.lane[n++] = (uint8_t)lane_take(&rest);
    if (n == 0)
        return 0;
    reap(q);
    const uint16_t sent = paced_send(burst, n, send_some, &sending);
    lane_set gone = 0;
    for (uint16_t i = 0; i < sent; i++) {
        gone |= lane_bit(sending.lane[i]);
        give_back(q, q->request[sending.lane[i]]);
    }
    return gone;
}

static void queue_drop(struct port *port, struct burst *burst, lane_set drop)
{
    struct queue *q = queue_of(port);
    (void)burst;
    while (drop != 0) {
        const unsigned lane = lane_take(&drop);
        give_back(q, q->request[lane]);
        give_back(q, q->reply[lane]);
    }
}

static const struct port_calls calls = {.rx = queue_rx, .tx = queue_tx, .drop = queue_drop};

int queue_open(unsigned ifindex, uint32_t number, enum socket_copying copying, struct queue **out)
{
    struct queue *q = aligned_alloc(_Alignof(struct queue), sizeof *q);
    if (!q)
        return -ENOMEM;
    memset(q, 0, sizeof *q);
    q->port.calls = &calls;
    const int fault = socket_open(&q->socket, ifindex, number, HEADROOM, copying);
    if (fault) {
        free(q);
        return fault;
    }
    q->port.descriptor = q->socket.fd;
    for (uint32_t i = 0; i < SOCKET_FRAMES; i++)
        give_back(q, i * SOCKET_FRAME_LEN);
    q->owed = SOCKET_RING_LEN;
    refill(q);
    *out = q;
    return 0;
}

void queue_close(struct queue *q)
{
    if (!q)
        return;
    socket_close(&q->socket);
    free(q);
}
