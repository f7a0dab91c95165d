// port.h over DPDK's ethdev. A reply is written into a second buffer of the same pool; the
// request's buffer then becomes the next spare, so a turn that answers all its requests allocates
// nothing. One core; no locks.
#include "dataplane/port/eal/ethdev.h"

#include "base/tsc.h"
#include "board/counters.h"
#include "dataplane/port/xdp/steer.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <assert.h>

// Takes one buffer at a time when the pool cannot supply all of them: a short pool slows the port
// down but does not stop it.
static void fill_spares(struct port *port)
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
        counter_add(&port->starved, 1);
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

// Buffers are used again, so an earlier frame's stamp is removed.
static void take_stamps(struct port *port, struct burst *burst, uint16_t n)
{
    lane_set stamped = 0;
    for (uint16_t i = 0; i < n; i++) {
        struct steer_stamp *stamp = (struct steer_stamp *)(void *)burst->frame[i] - 1;
        burst->stamp[i] = stamp->monotonic_ns;
        stamped |= (lane_set)(stamp->magic == STEER_STAMP_MAGIC) << i;
        stamp->magic = 0;
    }
    burst->stamped = stamped;
    counter_add(&port->stamped, lane_count(stamped));
    counter_add(&port->unstamped, n - lane_count(stamped));
}

lane_set port_rx(struct port *port, struct burst *burst)
{
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
    burst->stamped = 0;
    if (port->stamps && n > 0)
        take_stamps(port, burst, n);
    return lane_first(n);
}

// Keeps an answered request's buffer for a later reply, if it is like those of the pool.
static void keep_as_spare(struct port *port, struct rte_mbuf *buffer)
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
static uint16_t send_once(struct port *port, struct rte_mbuf **out, uint16_t n)
{
    uint16_t sent = rte_eth_tx_burst(port->device, port->queue, out, n);
    if (sent < n)
        sent += rte_eth_tx_burst(port->device, port->queue, out + sent, (uint16_t)(n - sent));
    return sent;
}

// The number of replies sent; the caller drops the others.
static uint16_t send_paced(struct port *port, struct burst *burst, struct rte_mbuf **out,
                           uint16_t n)
{
    uint16_t sent = 0;
    assert(burst->together > 0);
    burst->tx_busy = 0;
    burst->tx_ready = burst->tx_ended = tsc_now();
    while (sent < n) {
        uint16_t most = RTE_MIN(burst->together, (uint16_t)(n - sent));
        burst->tx_last = tsc_wait(burst->tx_ended, burst->not_before + sent * burst->pace);
        uint16_t gone = send_once(port, out + sent, most);
        burst->tx_ended = tsc_now();
        burst->tx_busy += burst->tx_ended - burst->tx_last;
        sent += gone;
        if (gone < most)
            break;
    }
    return sent;
}

lane_set port_tx(struct port *port, struct burst *burst, lane_set answer)
{
    struct rte_mbuf *out[LANES];
    uint8_t lane_of[LANES];
    static_assert(LANES - 1 <= UINT8_MAX, "a lane's number is an octet");
    uint16_t n = 0;
    for (lane_set rest = answer; rest != 0;) {
        unsigned lane = lane_take(&rest);
        struct rte_mbuf *reply = port->reply[lane];
        reply->data_len = burst->reply_len[lane];
        reply->pkt_len = burst->reply_len[lane];
        lane_of[n] = (uint8_t)lane;
        out[n++] = reply;
    }
    if (n == 0)
        return 0;

    uint16_t sent = send_paced(port, burst, out, n);
    lane_set gone = 0;
    for (uint16_t i = 0; i < sent; i++) {
        gone |= lane_bit(lane_of[i]);
        keep_as_spare(port, port->request[lane_of[i]]);
    }
    return gone;
}

void port_drop(struct port *port, struct burst *burst, lane_set drop)
{
    (void)burst;
    while (drop != 0) {
        unsigned lane = lane_take(&drop);
        rte_pktmbuf_free(port->request[lane]);
        port->spare[port->n_spare++] = port->reply[lane];
    }
}

const struct address_set *port_addresses(const struct port *port)
{
    return port->addresses;
}

void port_empty(struct port *port)
{
    while (port->n_spare > 0)
        rte_pktmbuf_free(port->spare[--port->n_spare]);
}
