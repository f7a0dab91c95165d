#include "dataplane/port/xdp/told.h"

#include "base/now.h"
#include "base/tsc.h"
#include "dataplane/port/xdp/tx_metadata.h"
#include "dataplane/port/xdp/tx_stamps.h"

#include <string.h>

// A port is the beginning of its queue (queue.c).
static struct queue *queue_of(struct port *port)
{
    return (struct queue *)port;
}

static struct tx_stamps *stamps_of(const struct port *port)
{
    return ((const struct queue *)port)->buffers.stamps;
}

// Puts metadata in front of the frame. launch 0: it may leave at once.
static void ask(const struct queue *q, struct xdp_desc *frame, bool stamp, uint64_t launch)
{
    const struct tx_metadata metadata = {
        .flags = (stamp ? TX_METADATA_STAMP : 0U) | (launch != 0 ? TX_METADATA_LAUNCH : 0U),
        .launch = (launch + q->launch_grain - 1) / q->launch_grain * q->launch_grain,
    };
    memcpy(q->buffers.socket.umem + frame->addr - sizeof metadata, &metadata, sizeof metadata);
    frame->options = TX_METADATA_OPTION;
}

unsigned told_room(const struct port *port)
{
    return tx_stamps_room(stamps_of(port));
}

bool told_send(struct port *port, struct burst *burst, unsigned lane)
{
    struct queue *q = queue_of(port);
    struct tx_stamps *stamps = q->buffers.stamps;
    struct xdp_desc reply = {.addr = q->reply[lane], .len = burst->reply_len[lane]};
    ask(q, &reply, true, 0);
    tx_stamps_before_send(stamps, &q->buffers.socket.tx);
    const uint64_t began = tsc_now();
    if (buffers_send(&q->buffers, &reply, 1) != 1)
        return false;
    tx_stamps_sent(stamps, q->reply[lane], burst->ticket[lane], began, false);
    buffers_give_back(&q->buffers, q->request[lane]);
    return true;
}

unsigned told_departures(struct port *port, struct port_departure *out, unsigned most)
{
    struct queue *q = queue_of(port);
    struct tx_stamps *stamps = q->buffers.stamps;
    if (stamps == NULL || (stamps->waiting | stamps->back) == 0)
        return 0;
    buffers_reap(&q->buffers);
    return tx_stamps_tell(stamps, out, most);
}

int told_sampled(struct port *port, uint64_t *own)
{
    struct queue *q = queue_of(port);
    if (q->buffers.stamps == NULL)
        return -1;
    buffers_reap(&q->buffers);
    return tx_stamps_sampled(q->buffers.stamps, own);
}

// Which reply can be a sample: the first one of the last call (burst.h). Behind it none is to be
// sent with it (tx_stamps.h), unless the device lets the burst go at a time: such devices stamp
// each frame by itself.
static uint16_t sample_of(const struct queue *q, const struct burst *burst, uint16_t n,
                          bool launches)
{
    const struct tx_stamps *stamps = q->buffers.stamps;
    const uint16_t first = burst->together == 1 ? (uint16_t)(n - 1) : 0;
    if (stamps->sample != 0 || (n - first > 1 && !launches) || tx_stamps_room(stamps) == 0 ||
        now_ns() < q->sample_next_ns)
        return n;
    return first;
}

uint16_t told_prepare(struct queue *q, struct burst *burst, struct xdp_desc *reply, uint16_t n)
{
    const bool launches = burst->launch != 0 && q->port.launches;
    const uint16_t sample = sample_of(q, burst, n, launches);
    burst->sampled = false;
    tx_stamps_before_send(q->buffers.stamps, &q->buffers.socket.tx);
    if (launches) {
        ask(q, &reply[0], sample == 0, burst->launch); // those behind it leave after it
        burst->not_before = tsc_now();
    } else if (sample < n) {
        ask(q, &reply[sample], true, q->port.launches ? burst->launch_trial : 0);
    }
    return sample;
}

void told_note_sample(struct queue *q, struct burst *burst, const struct xdp_desc *sampled)
{
    tx_stamps_sent(q->buffers.stamps, (uint32_t)sampled->addr, 0, burst->tx_last, true);
    q->sample_next_ns = now_ns() + (uint64_t)TOLD_GAP_MS * NOW_NS_PER_MS;
    burst->sampled = true;
}
