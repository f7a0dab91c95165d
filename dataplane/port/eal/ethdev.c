// port.h over DPDK's ethdev. A reply is written into a second buffer of the same pool; the
// request's buffer then becomes the next spare, so a turn that answers all its requests allocates
// nothing. One core; no locks.
#include "dataplane/port/eal/ethdev.h"

#include "base/ntp_time.h"
#include "base/tsc.h"
#include "board/counters.h"
#include "dataplane/port/eal/dpdk_clock.h"
#include "dataplane/port/paced.h"

#include <rte_config.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_prefetch.h>

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

enum {
    SAMPLES_A_SECOND = 10,
    SAMPLE_LOOKS = 100000, // a second, while one is on its way: each reads a register
    SAMPLE_GIVE_UP = 100,  // a hundredth of a second
};

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

// The stamps of the n frames that were received. A driver need not stamp every frame. They are lent
// once it is known which clock they are from; until then the newest one helps to find it.
static __attribute__((noinline)) void take_stamps(struct ethdev *port, struct burst *burst,
                                                  uint16_t n)
{
    const struct dpdk_clock *clock = port->clock;
    lane_set stamped = 0;
    for (uint16_t i = 0; i < n; i++) {
        const struct rte_mbuf *request = port->request[i];
        const bool has = (request->ol_flags & clock->stamps.rx_flag) != 0;
        stamped |= (lane_set)has << i;
        burst->own[i] =
            *RTE_MBUF_DYNFIELD(request, clock->stamps.field, const rte_mbuf_timestamp_t *);
    }
    // Acquire: the unit is valid; partner: dpdk_clock.c.
    if (atomic_load_explicit(&clock->known, memory_order_acquire)) {
        burst->hardware = stamped;
        counter_add(&port->port.hardware, lane_count(stamped));
        for (uint16_t i = 0; clock->unit.mult != 0 && i < n; i++)
            burst->own[i] = clock_unit_ns(&clock->unit, burst->own[i]);
    } else if (stamped != 0) {
        const struct choice_stamp newest = {
            .stamp = burst->own[LANES - 1 - (unsigned)__builtin_clzll(stamped)],
            .polled = tsc_now(),
        };
        snapshot_publish(&port->received, &newest, sizeof newest);
    }
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
    burst->stamped = burst->hardware = 0;
    if (port->clock && n > 0)
        take_stamps(port, burst, n);
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

struct sending {
    struct ethdev *port;
    uint16_t n;
    bool samples;
    bool launches;
    uint64_t launch; // in the device's unit
    uint8_t lane[LANES];
    struct rte_mbuf *out[LANES];
};
static_assert(LANES - 1 <= UINT8_MAX, "a lane's number is an octet");

// The device lets this frame go at that time, and the frames behind it after it.
static void set_launch(const struct sending *s, struct rte_mbuf *first)
{
    const struct device_stamps *stamps = &s->port->clock->stamps;
    first->ol_flags |= stamps->tx_flag;
    *RTE_MBUF_DYNFIELD(first, stamps->field, rte_mbuf_timestamp_t *) = s->launch;
}

static uint16_t send_call(const struct sending *s, uint16_t from, uint16_t n)
{
    if (s->launches)
        set_launch(s, s->out[from]);
    return rte_eth_tx_burst(s->port->device, s->port->queue, (struct rte_mbuf **)s->out + from, n);
}

// One send call, and a second one, since a full queue may have been emptied by the first.
static uint16_t send_some(void *self, uint16_t from, uint16_t n)
{
    const struct sending *s = self;
    if (s->samples && from + n == s->n)
        s->out[from]->ol_flags |= RTE_MBUF_F_TX_IEEE1588_TMST;
    uint16_t sent = send_call(s, from, n);
    if (sent < n)
        sent += send_call(s, (uint16_t)(from + sent), (uint16_t)(n - sent));
    return sent;
}

// The device waits in the port's place.
static void prepare_launch(struct sending *s, struct burst *burst)
{
    const struct dpdk_clock *clock = s->port->clock;
    // Acquire: the unit is valid; partner: dpdk_clock.c.
    if (!atomic_load_explicit(&clock->known, memory_order_acquire))
        return;
    s->launches = true;
    s->launch = clock_unit_value(&clock->unit, burst->launch);
    burst->not_before = tsc_now();
}

// Is a sample due, and the device free for it? What it may still have of an earlier frame is read
// away. A device has one place for the stamp, which its first queue uses.
static bool wants_sample(struct ethdev *port)
{
    const uint64_t now = tsc_now();
    struct timespec old;
    if (port->queue != 0 || port->sampling || (int64_t)(now - port->sample_next) < 0 ||
        !dpdk_clock_tells(port->clock))
        return false;
    rte_eth_timesync_read_tx_timestamp(port->device, &old);
    port->sampled_at = now;
    port->sample_next = now;
    return true;
}

static int ethdev_sampled(struct port *base, uint64_t *own)
{
    struct ethdev *port = ethdev_of(base);
    const uint64_t now = tsc_now(), second = rte_get_tsc_hz();
    struct timespec left;
    if (port->sampling && (int64_t)(now - port->sample_next) < 0)
        return 0;
    const bool known =
        port->sampling && rte_eth_timesync_read_tx_timestamp(port->device, &left) == 0;
    if (port->sampling && !known && now - port->sampled_at < second / SAMPLE_GIVE_UP) {
        port->sample_next = now + second / SAMPLE_LOOKS;
        return 0;
    }
    port->sampling = false;
    port->sample_next = port->sampled_at + second / SAMPLES_A_SECOND;
    if (known)
        *own = (uint64_t)left.tv_sec * NS_PER_S + (uint64_t)left.tv_nsec;
    return known ? 1 : -1;
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
        reply->ol_flags = 0; // it may have been prepared before, and then not been sent
        sending.lane[n] = (uint8_t)lane;
        sending.out[n++] = reply;
    }
    burst->sampled = false;
    if (n == 0)
        return 0;
    if (burst->launch != 0 && port->port.launches)
        prepare_launch(&sending, burst);

    sending.n = n;
    sending.samples = port->clock && wants_sample(port);

    uint16_t sent = paced_send(burst, n, send_some, &sending);
    burst->sampled = sending.samples && sent == n;
    port->sampling |= burst->sampled; // one of an earlier burst may still be on its way
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

static const struct port_calls calls = {
    .rx = ethdev_rx, .tx = ethdev_tx, .drop = ethdev_drop, .sampled = ethdev_sampled};

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
