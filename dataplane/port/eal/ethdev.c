// port.h over DPDK's ethdev. A reply is written into a second buffer of the same pool; the
// request's buffer then becomes the next spare, so a turn that answers all its requests allocates
// nothing. One core; no locks.
#include "dataplane/port/eal/ethdev.h"

#include "board/counters.h"
#include "dataplane/port/paced.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

static struct ethdev *ethdev_of(struct port *port)
{
    static_assert(offsetof(struct ethdev, port) == 0, "a port is the beginning of its queue");
    return (struct ethdev *)port;
}

// Takes one buffer at a time when the pool cannot supply all of them: a short pool slows the port
// down but does not stop it.
static void fill_spares(struct ethdev *port)
{
    unsigned missing = LANES - port->n_spare;
    if (missing == 0)
        return;
    if (rte_pktmbuf_alloc_bulk(port->pool, &port->spare[port->n_spare], missing) == 0) {
        port->n_spare = LANES;
        return;
    }
    while (port->n_spare < LANES) {
        struct rte_mbuf *buffer = rte_pktmbuf_alloc(port->pool);
        if (!buffer)
            break;
        port->spare[port->n_spare++] = buffer;
    }
    if (port->n_spare == 0)
        counter_add(&port->port.starved, 1);
}

// The length for the parse stage: a frame in several segments is reported as too long, since its
// other segments are not lent.
static uint16_t length_seen(const struct rte_mbuf *frame)
{
    uint32_t len = frame->pkt_len;
    if (frame->nb_segs > 1 && len <= FRAME_MAX)
        len = FRAME_MAX + 1;
    return (uint16_t)RTE_MIN(len, (uint32_t)UINT16_MAX);
}

static lane_set ethdev_rx(struct port *base, struct burst *burst)
{
    struct ethdev *port = ethdev_of(base);
    fill_spares(port);
    uint16_t most = port->n_spare;
    uint16_t n = rte_eth_rx_burst(port->device, port->queue, port->request, most);
    // Some drivers return at most 32 frames at once, even if more are waiting.
    burst->drained = n < RTE_MIN(most, (uint16_t)BURST_DRAINED);
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *request = port->request[i];
        struct rte_mbuf *reply = port->spare[--port->n_spare];
        rte_prefetch0(rte_pktmbuf_mtod(request, void *));
        reply->data_off = request->data_off; // same pool, same size: room and alignment are equal
        port->reply[i] = reply;
        burst->frame[i] = rte_pktmbuf_mtod(request, uint8_t *);
        burst->len[i] = length_seen(request);
        burst->reply[i] = rte_pktmbuf_mtod(reply, uint8_t *);
    }
    burst->stamped = burst->hardware = 0; // DPDK's drivers keep no stamp that is known here
    return lane_first(n);
}

// Keeps an answered request's buffer for a later reply, if it is like those of the pool.
static void keep_as_spare(struct ethdev *port, struct rte_mbuf *buffer)
{
    if (buffer->pool != port->pool || buffer->nb_segs != 1 || !RTE_MBUF_DIRECT(buffer) ||
        rte_mbuf_refcnt_read(buffer) != 1) {
        rte_pktmbuf_free(buffer);
        return;
    }
    rte_pktmbuf_reset(buffer);
    port->spare[port->n_spare++] = buffer;
}

// One send call, and a second one, since a full queue may have been emptied by the first.
static uint16_t send_once(struct ethdev *port, struct rte_mbuf **out, uint16_t n)
{
    uint16_t sent = rte_eth_tx_burst(port->device, port->queue, out, n);
    if (sent < n)
        sent += rte_eth_tx_burst(port->device, port->queue, out + sent, (uint16_t)(n - sent));
    return sent;
}

struct sending {
    struct ethdev *port;
    uint8_t lane[LANES];
    struct rte_mbuf *out[LANES];
};
static_assert(LANES - 1 <= UINT8_MAX, "a lane's number is an octet");

static uint16_t send_some(void *self, uint16_t from, uint16_t n)
{
    struct sending *s = self;
    return send_once(s->port, s->out + from, n);
}

static lane_set ethdev_tx(struct port *base, struct burst *burst, lane_set answer)
{
    struct ethdev *port = ethdev_of(base);
    struct sending sending = {.port = port};
    uint16_t n = 0;
    for (lane_set rest = answer; rest != 0;) {
        unsigned lane = lane_take(&rest);
        struct rte_mbuf *reply = port->reply[lane];
        reply->data_len = burst->reply_len[lane];
        reply->pkt_len = burst->reply_len[lane];
        sending.lane[n] = (uint8_t)lane;
        sending.out[n++] = reply;
    }
    if (n == 0)
        return 0;

    uint16_t sent = paced_send(burst, n, send_some, &sending);
    lane_set gone = 0;
    for (uint16_t i = 0; i < sent; i++) {
        gone |= lane_bit(sending.lane[i]);
        keep_as_spare(port, port->request[sending.lane[i]]);
    }
    return gone;
}

static void ethdev_drop(struct port *base, struct burst *burst, lane_set drop)
{
    struct ethdev *port = ethdev_of(base);
    (void)burst;
    while (drop != 0) {
        unsigned lane = lane_take(&drop);
        rte_pktmbuf_free(port->request[lane]);
        port->spare[port->n_spare++] = port->reply[lane];
    }
}

static const struct port_calls calls = {.rx = ethdev_rx, .tx = ethdev_tx, .drop = ethdev_drop};

struct ethdev *ethdev_new(uint16_t device, uint16_t queue, const struct address_set *addresses)
{
    struct ethdev *ethdev = aligned_alloc(_Alignof(struct ethdev), sizeof *ethdev);
    if (ethdev)
        *ethdev =
            (struct ethdev){.port = {.calls = &calls, .addresses = addresses, .descriptor = -1},
                            .device = device,
                            .queue = queue};
    return ethdev;
}

void ethdev_empty(struct ethdev *port)
{
    while (port->n_spare > 0)
        rte_pktmbuf_free(port->spare[--port->n_spare]);
}
