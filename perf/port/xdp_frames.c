// frames.h over the buffers of an AF_XDP socket. One thread; no locks.
#include "perf/port/xdp_frames.h"

#include "dataplane/port/xdp/buffers.h"

#include <string.h>

// Where a frame that is to be sent begins in its buffer: on a cache line.
enum { AT = BUFFERS_XDP_HEADROOM };
static_assert(AT + FRAME_MAX <= SOCKET_FRAME_LEN, "a buffer has room for a whole frame");
static_assert((int)BUFFERS_KEPT >= (int)LANES, "as many as are lent to be sent stay free");

// Only buffers that were sent are missing, so this refills a burst that was sent in part.
unsigned xdp_frames_lend(struct frames_queue *queue, struct frames *out, unsigned n)
{
    struct buffers *b = queue->xdp;
    if (b->n_free < n)
        buffers_reap(b);
    for (unsigned i = 0; i < n; i++) {
        if (!queue->lent[i]) {
            if (b->n_free == 0)
                return i;
            queue->blank_at[i] = buffers_take(b) + AT;
            queue->lent[i] = true;
        }
        out->frame[i] = b->socket.umem + queue->blank_at[i];
    }
    return n;
}

unsigned xdp_frames_send(struct frames_queue *queue, const struct frames *out, unsigned from,
                         unsigned n)
{
    struct xdp_desc frame[LANES];
    for (unsigned i = 0; i < n; i++)
        frame[i] = (struct xdp_desc){.addr = queue->blank_at[from + i], .len = out->len[from + i]};
    const unsigned sent = buffers_send(queue->xdp, frame, n);
    memset(&queue->lent[from], 0, sent * sizeof queue->lent[0]);
    return sent;
}

bool xdp_frames_send_copy(struct frames_queue *queue, const uint8_t *frame, uint16_t len)
{
    struct buffers *b = queue->xdp;
    if (b->n_free == 0)
        buffers_reap(b);
    if (b->n_free == 0)
        return false;
    const struct xdp_desc desc = {.addr = buffers_take(b) + AT, .len = len};
    memcpy(b->socket.umem + desc.addr, frame, len);
    if (buffers_send(b, &desc, 1) == 1)
        return true;
    buffers_give_back(b, (uint32_t)desc.addr);
    return false;
}

unsigned xdp_frames_receive(struct frames_queue *queue, struct frames *in)
{
    struct buffers *b = queue->xdp;
    struct ring *ring = &b->socket.rx;
    const struct xdp_desc *desc = ring->entry;
    const unsigned n = ring_ready(ring, LANES);
    if (b->owed > 0)
        buffers_refill(b);
    if (n == 0) {
        buffers_wake(b);
        return 0;
    }
    for (unsigned i = 0; i < n; i++) {
        const struct xdp_desc *at = &desc[(ring->consumer + i) & ring->mask];
        queue->received_at[i] = (uint32_t)at->addr;
        in->frame[i] = b->socket.umem + at->addr;
        in->len[i] = at->len <= FRAME_MAX ? (uint16_t)at->len : 0;
        __builtin_prefetch(in->frame[i]);
    }
    ring_release(ring, n);
    b->owed += n;
    return n;
}

void xdp_frames_release(struct frames_queue *queue, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buffers_give_back(queue->xdp, queue->received_at[i]);
}

void xdp_frames_empty(struct frames_queue *queue)
{
    for (unsigned i = 0; i < LANES; i++)
        if (queue->lent[i])
            buffers_give_back(queue->xdp, queue->blank_at[i]);
    memset(queue->lent, 0, sizeof queue->lent);
}
