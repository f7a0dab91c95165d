// port.h over an AF_XDP socket. A reply is written into a second buffer; the request's buffer is
// free as soon as the reply is sent.
#include "dataplane/port/xdp/queue.h"

#include "board/counters.h"
#include "dataplane/port/paced.h"
#include "dataplane/port/xdp/steer.h"
#include "dataplane/port/xdp/told.h"
#include "dataplane/port/xdp/tx_metadata.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// With this headroom the stamps are in the cache line in which the frame begins.
enum { HEADROOM = 32 };
static_assert(sizeof(struct steer_stamp) <= HEADROOM, "stamps have room");
static_assert(sizeof(struct tx_metadata) <= HEADROOM, "metadata has room");
static_assert(FRAME_MAX + BUFFERS_XDP_HEADROOM + HEADROOM <= SOCKET_FRAME_LEN,
              "a frame fits one buffer");

static struct queue *queue_of(struct port *port)
{
    static_assert(offsetof(struct queue, port) == 0, "a port is the beginning of its queue");
    return (struct queue *)port;
}

// Of the stamped frames those with a stamp of the device's own, too.
static void take_own(struct queue *q, struct burst *burst, uint32_t n)
{
    lane_set own = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct steer_stamp *stamp =
            (const struct steer_stamp *)(const void *)burst->frame[i] - 1;
        burst->own[i] = stamp->own_ns;
        own |= (lane_set)(stamp->magic == STEER_STAMP_MAGIC && stamp->own_ns != 0) << i;
    }
    burst->hardware = own;
    counter_add(&q->port.hardware, lane_count(own));
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
    struct buffers *b = &q->buffers;
    struct ring *ring = &b->socket.rx;
    assert(b->n_free >= LANES); // refill has left them, and each turn gives back what it takes
    const uint32_t n = ring_ready(ring, LANES);
    burst->drained = n < BURST_DRAINED;
    burst->stamped = burst->hardware = 0;
    if (b->owed > 0)
        buffers_refill(b);
    if (n == 0) {
        buffers_wake(b);
        return 0;
    }
    const struct xdp_desc *desc = ring->entry;
    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *at = &desc[(ring->consumer + i) & ring->mask];
        const uint32_t offset = (uint32_t)at->addr;
        __builtin_prefetch(b->socket.umem + offset);
        q->request[i] = offset;
        q->reply[i] = buffers_take(b) | (offset & ~(uint32_t)SOCKET_FRAME_MASK);
        burst->frame[i] = b->socket.umem + offset;
        burst->len[i] = at->len < UINT16_MAX ? (uint16_t)at->len : UINT16_MAX;
        burst->reply[i] = b->socket.umem + q->reply[i];
    }
    ring_release(ring, n);
    b->owed += n;
    if (q->port.clock)
        take_own(q, burst, n);
    take_stamps(q, burst, n);
    return lane_first(n);
}

struct sending {
    struct buffers *buffers;
    uint8_t lane[LANES]; // of each reply
    struct xdp_desc reply[LANES];
};
static_assert(LANES - 1 <= UINT8_MAX, "a lane's number is an octet");

static uint16_t send_some(void *self, uint16_t from, uint16_t n)
{
    const struct sending *s = self;
    return (uint16_t)buffers_send(s->buffers, &s->reply[from], n);
}

static lane_set queue_tx(struct port *port, struct burst *burst, lane_set answer)
{
    struct queue *q = queue_of(port);
    struct sending sending;
    uint16_t n = 0;
    for (lane_set rest = answer; rest != 0; n++) {
        const unsigned lane = lane_take(&rest);
        sending.lane[n] = (uint8_t)lane;
        sending.reply[n] = (struct xdp_desc){.addr = q->reply[lane], .len = burst->reply_len[lane]};
    }
    if (n == 0)
        return 0;
    sending.buffers = &q->buffers;
    buffers_reap(&q->buffers);
    const bool told = q->buffers.stamps != NULL;
    const uint16_t sample = told ? told_prepare(q, burst, sending.reply, n) : n;
    const uint16_t sent = paced_send(burst, n, send_some, &sending);
    if (sample < n && sent == n)
        told_note_sample(q, burst, &sending.reply[sample]);
    lane_set gone = 0;
    for (uint16_t i = 0; i < sent; i++) {
        gone |= lane_bit(sending.lane[i]);
        buffers_give_back(&q->buffers, q->request[sending.lane[i]]);
    }
    return gone;
}

static void queue_drop(struct port *port, struct burst *burst, lane_set drop)
{
    struct queue *q = queue_of(port);
    (void)burst;
    while (drop != 0) {
        const unsigned lane = lane_take(&drop);
        buffers_give_back(&q->buffers, q->request[lane]);
        buffers_give_back(&q->buffers, q->reply[lane]);
    }
}

static const struct port_calls calls = {
    .rx = queue_rx,
    .tx = queue_tx,
    .drop = queue_drop,
    .sampled = told_sampled,
    .room = told_room,
    .send = told_send,
    .departures = told_departures,
};

int queue_open(const struct socket_plan *plan, struct queue **out)
{
    struct socket_plan with_room = *plan;
    with_room.headroom = HEADROOM;
    struct queue *q = aligned_alloc(_Alignof(struct queue), sizeof *q);
    if (!q)
        return -ENOMEM;
    memset(q, 0, sizeof *q);
    q->port.calls = &calls;
    q->launch_grain = 1;
    const int fault = buffers_open(&q->buffers, &with_room);
    if (fault) {
        free(q);
        return fault;
    }
    q->port.descriptor = q->buffers.socket.fd;
    *out = q;
    return 0;
}

int queue_use_metadata(struct queue *q, const struct queue_uses *uses)
{
    const int fault = buffers_use_metadata(&q->buffers);
    if (fault)
        return fault;
    q->launch_grain = uses->launch_grain;
    q->port.launches = uses->launches;
    q->port.tells = uses->tells;
    q->port.launch = uses->launches ? PORT_LAUNCH_TRIED : PORT_LAUNCH_NONE;
    return 0;
}

void queue_close(struct queue *q)
{
    if (!q)
        return;
    buffers_close(&q->buffers);
    free(q);
}
