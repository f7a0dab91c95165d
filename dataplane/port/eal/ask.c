// ask.h over DPDK's ethdev. One thread; no locks.
#include "dataplane/port/eal/ask.h"

#include "dataplane/port/eal/ethdev.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <assert.h>
#include <string.h>

static_assert(RTE_PKTMBUF_HEADROOM + FRAME_MAX <= RTE_MBUF_DEFAULT_BUF_SIZE,
              "a fresh buffer has room for a whole frame");

// Only those are missing that were sent, so a burst that went in part is filled up again.
static unsigned fill(struct port *port, unsigned n)
{
    if (port->n_blank == 0) {
        if (rte_pktmbuf_alloc_bulk(port->pool, port->blank, n) == 0) {
            port->n_blank = (uint16_t)n;
            return n;
        }
        memset(port->blank, 0, sizeof port->blank); // it leaves there what it has found
    }
    unsigned filled = 0;
    for (; filled < n; filled++) {
        if (port->blank[filled])
            continue;
        port->blank[filled] = rte_pktmbuf_alloc(port->pool);
        if (!port->blank[filled])
            break;
        port->n_blank++;
    }
    return filled;
}

unsigned ask_lend(struct port *port, struct ask_burst *out, unsigned n)
{
    n = fill(port, n);
    for (unsigned i = 0; i < n; i++)
        out->frame[i] = rte_pktmbuf_mtod(port->blank[i], uint8_t *);
    return n;
}

unsigned ask_send(struct port *port, const struct ask_burst *out, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        port->blank[i]->data_len = out->len[i];
        port->blank[i]->pkt_len = out->len[i];
    }
    unsigned sent = rte_eth_tx_burst(port->device, port->queue, &port->blank[from], (uint16_t)n);
    memset(&port->blank[from], 0, sent * sizeof port->blank[0]);
    port->n_blank -= (uint16_t)sent;
    return sent;
}

bool ask_say(struct port *port, const uint8_t *frame, uint16_t len)
{
    struct rte_mbuf *buffer = rte_pktmbuf_alloc(port->pool);
    if (!buffer)
        return false;
    memcpy(rte_pktmbuf_append(buffer, len), frame, len);
    if (rte_eth_tx_burst(port->device, port->queue, &buffer, 1) == 1)
        return true;
    rte_pktmbuf_free(buffer);
    return false;
}

unsigned ask_take(struct port *port, struct ask_burst *in)
{
    unsigned n = rte_eth_rx_burst(port->device, port->queue, port->request, LANES);
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *frame = port->request[i];
        rte_prefetch0(rte_pktmbuf_mtod(frame, void *));
        bool whole = frame->nb_segs == 1 && frame->pkt_len <= FRAME_MAX;
        in->frame[i] = rte_pktmbuf_mtod(frame, uint8_t *);
        in->len[i] = whole ? (uint16_t)frame->pkt_len : 0;
    }
    return n;
}

void ask_return(struct port *port, unsigned n)
{
    rte_pktmbuf_free_bulk(port->request, n);
}
