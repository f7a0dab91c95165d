// frames.h over DPDK's ethdev; a queue of an interface is xdp_frames.c's. One thread; no locks.
#include "perf/port/frames.h"

#include "perf/port/xdp_frames.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <assert.h>
#include <string.h>

static_assert(RTE_PKTMBUF_HEADROOM + FRAME_MAX <= RTE_MBUF_DEFAULT_BUF_SIZE,
              "a fresh buffer has room for a whole frame");

// Only buffers that were sent are missing, so this refills a burst that was sent in part.
static unsigned fill(struct frames_queue *queue, unsigned n)
{
    if (queue->n_blank == 0) {
        if (rte_pktmbuf_alloc_bulk(queue->pool, queue->blank, n) == 0) {
            queue->n_blank = (uint16_t)n;
            return n;
        }
        memset(queue->blank, 0, sizeof queue->blank); // a failed allocation leaves pointers there
    }
    unsigned filled = 0;
    for (; filled < n; filled++) {
        if (queue->blank[filled])
            continue;
        queue->blank[filled] = rte_pktmbuf_alloc(queue->pool);
        if (!queue->blank[filled])
            break;
        queue->n_blank++;
    }
    return filled;
}

unsigned frames_lend(struct frames_queue *queue, struct frames *out, unsigned n)
{
    if (queue->xdp)
        return xdp_frames_lend(queue, out, n);
    n = fill(queue, n);
    for (unsigned i = 0; i < n; i++)
        out->frame[i] = rte_pktmbuf_mtod(queue->blank[i], uint8_t *);
    return n;
}

unsigned frames_send(struct frames_queue *queue, const struct frames *out, unsigned from,
                     unsigned n)
{
    if (n == 0)
        return 0; // DPDK 24.11's memif driver reads the first frame unasked
    if (queue->xdp)
        return xdp_frames_send(queue, out, from, n);
    for (unsigned i = from; i < from + n; i++) {
        queue->blank[i]->data_len = out->len[i];
        queue->blank[i]->pkt_len = out->len[i];
    }
    unsigned sent =
        rte_eth_tx_burst(queue->device, queue->number, &queue->blank[from], (uint16_t)n);
    memset(&queue->blank[from], 0, sent * sizeof queue->blank[0]);
    queue->n_blank -= (uint16_t)sent;
    return sent;
}

bool frames_send_copy(struct frames_queue *queue, const uint8_t *frame, uint16_t len)
{
    if (queue->xdp)
        return xdp_frames_send_copy(queue, frame, len);
    struct rte_mbuf *buffer = rte_pktmbuf_alloc(queue->pool);
    if (!buffer)
        return false;
    memcpy(rte_pktmbuf_append(buffer, len), frame, len);
    if (rte_eth_tx_burst(queue->device, queue->number, &buffer, 1) == 1)
        return true;
    rte_pktmbuf_free(buffer);
    return false;
}

unsigned frames_receive(struct frames_queue *queue, struct frames *in)
{
    if (queue->xdp)
        return xdp_frames_receive(queue, in);
    unsigned n = rte_eth_rx_burst(queue->device, queue->number, queue->received, LANES);
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *frame = queue->received[i];
        rte_prefetch0(rte_pktmbuf_mtod(frame, void *));
        bool whole = frame->nb_segs == 1 && frame->pkt_len <= FRAME_MAX;
        in->frame[i] = rte_pktmbuf_mtod(frame, uint8_t *);
        in->len[i] = whole ? (uint16_t)frame->pkt_len : 0;
    }
    return n;
}

void frames_release(struct frames_queue *queue, unsigned n)
{
    if (queue->xdp)
        xdp_frames_release(queue, n);
    else
        rte_pktmbuf_free_bulk(queue->received, n);
}

void frames_empty(struct frames_queue *queue)
{
    if (queue->xdp) {
        xdp_frames_empty(queue);
        return;
    }
    for (unsigned i = 0; i < LANES && queue->n_blank > 0; i++)
        rte_pktmbuf_free(queue->blank[i]);
    queue->n_blank = 0;
}
