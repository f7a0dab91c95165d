#include "tests/dataplane/port/eal/simts.h"

#include "base/now.h"
#include "base/tsc.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_kvargs.h>
#include <rte_mbuf_dyn.h>
#include <rte_version.h>

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#include <ethdev_vdev.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    HELD = 1024,   // frames that wait until they leave
    WIRE_MORE = 24 // octets a frame takes on the wire besides its own: preamble, FCS, gap
};

enum source { SOURCE_NONE, SOURCE_DEVICE, SOURCE_RAW, SOURCE_OTHER };

enum launch { LAUNCH_NONE, LAUNCH_WORKS, LAUNCH_BROKEN };

struct held {
    struct rte_mbuf *frame;
    uint64_t leaves; // TSC
};

struct simts {
    struct rte_ether_addr mac;
    char sub[128];
    uint16_t sub_id;
    bool has_sub;
    double ns_per_tick; // of the TSC, with the drift
    int64_t offset_ns;  // at base
    uint64_t tsc_base;
    int64_t drift_ppb;
    uint64_t hz;
    enum source read_clock, timesync;
    uint64_t stamped_of_100;
    uint64_t jitter_ns, txlat_ns, mbps;
    enum launch launch;
    bool wants_stamps; // RTE_ETH_RX_OFFLOAD_TIMESTAMP
    bool wants_launch;
    bool synced; // timesync_enable
    int stamp_field, tsc_field;
    uint64_t rx_flag, tx_flag;
    struct held held[HELD];
    unsigned first, n_held;
    uint64_t wire_free; // TSC: the frame before has left the wire
    uint64_t tx_stamp;  // TSC of the departure that asks for a stamp; 0: none
    uint64_t random;
    uint64_t launched, launched_late;
};

static int tsc_field(void)
{
    static const struct rte_mbuf_dynfield field = {
        .name = "simts_tsc",
        .size = sizeof(uint64_t),
        .align = __alignof__(uint64_t),
    };
    return rte_mbuf_dynfield_register(&field);
}

uint64_t *simts_tsc(struct rte_mbuf *frame)
{
    return RTE_MBUF_DYNFIELD(frame, tsc_field(), uint64_t *);
}

static struct simts *of(uint16_t device)
{
    return rte_eth_devices[device].data->dev_private;
}

static uint64_t clock_ns(const struct simts *s, uint64_t tsc)
{
    return (uint64_t)(s->offset_ns +
                      (int64_t)((double)(int64_t)(tsc - s->tsc_base) * s->ns_per_tick));
}

static uint64_t tsc_of(const struct simts *s, uint64_t ns)
{
    return s->tsc_base + (uint64_t)(int64_t)((double)((int64_t)ns - s->offset_ns) / s->ns_per_tick);
}

uint64_t simts_clock_ns(uint16_t device, uint64_t tsc)
{
    return clock_ns(of(device), tsc);
}

uint16_t simts_sub(uint16_t device)
{
    return of(device)->sub_id;
}

uint64_t simts_launched(uint16_t device)
{
    return of(device)->launched;
}

uint64_t simts_launched_late(uint16_t device)
{
    return of(device)->launched_late;
}

__extension__ typedef unsigned __int128 wide;

// In the unit of the stamps.
static uint64_t unit_of(const struct simts *s, uint64_t ns)
{
    if (s->hz == 0)
        return ns;
    return (uint64_t)((wide)ns * s->hz / 1000000000);
}

static uint64_t ns_of(const struct simts *s, uint64_t unit)
{
    if (s->hz == 0)
        return unit;
    return (uint64_t)((wide)unit * 1000000000 / s->hz);
}

static uint64_t pick(struct simts *s, uint64_t n)
{
    s->random = s->random * 6364136223846793005U + 1442695040888963407U;
    return (s->random >> 33) % n;
}

// Gives the wrapped device the frames whose time has come.
static void release(struct simts *s)
{
    while (s->n_held > 0) {
        const struct held *held = &s->held[s->first];
        if ((int64_t)(tsc_now() - held->leaves) < 0)
            return;
        struct rte_mbuf *frame = held->frame;
        if (rte_eth_tx_burst(s->sub_id, 0, &frame, 1) == 0)
            return;
        s->first = (s->first + 1) % HELD;
        s->n_held--;
    }
}

static uint16_t simts_rx(void *queue, struct rte_mbuf **frame, uint16_t most)
{
    struct simts *s = queue;
    const uint16_t n = rte_eth_rx_burst(s->sub_id, 0, frame, most);
    release(s); // not before: a ring would give these frames back at once
    const uint64_t now = tsc_now();
    for (uint16_t i = 0; i < n; i++) {
        frame[i]->ol_flags &= ~s->rx_flag;
        if (!s->wants_stamps || pick(s, 100) >= s->stamped_of_100)
            continue;
        const uint64_t arrived = *RTE_MBUF_DYNFIELD(frame[i], s->tsc_field, uint64_t *);
        const uint64_t late = s->jitter_ns > 0 ? pick(s, s->jitter_ns + 1) : 0;
        const uint64_t ns = clock_ns(s, arrived ? arrived : now) + late;
        *RTE_MBUF_DYNFIELD(frame[i], s->stamp_field, rte_mbuf_timestamp_t *) = unit_of(s, ns);
        frame[i]->ol_flags |= s->rx_flag;
    }
    return n;
}

// When a frame that is posted now leaves.
static uint64_t departure(struct simts *s, const struct rte_mbuf *frame)
{
    const double ticks_per_ns = 1 / s->ns_per_tick;
    const uint64_t now = tsc_now();
    uint64_t leaves = now + (uint64_t)((double)s->txlat_ns * ticks_per_ns);
    if (s->wants_launch && s->launch == LAUNCH_BROKEN && (frame->ol_flags & s->tx_flag) != 0)
        s->launched++;
    else if (s->wants_launch && (frame->ol_flags & s->tx_flag) != 0) {
        const uint64_t at =
            ns_of(s, *RTE_MBUF_DYNFIELD(frame, s->stamp_field, const rte_mbuf_timestamp_t *));
        const uint64_t launch = tsc_of(s, at) + 1;
        s->launched++;
        if ((int64_t)(launch - leaves) >= 0)
            leaves = launch;
        else
            s->launched_late++; // a device sends it at once
    }
    if ((int64_t)(s->wire_free - leaves) > 0)
        leaves = s->wire_free;
    const double wire_ns = (double)(frame->pkt_len + WIRE_MORE) * 8000 / (double)s->mbps;
    s->wire_free = leaves + (uint64_t)(wire_ns * ticks_per_ns);
    return leaves;
}

static uint16_t simts_tx(void *queue, struct rte_mbuf **frame, uint16_t n)
{
    struct simts *s = queue;
    release(s);
    uint16_t sent = 0;
    while (sent < n && s->n_held < HELD) {
        struct rte_mbuf *out = frame[sent++];
        const uint64_t leaves = departure(s, out);
        *RTE_MBUF_DYNFIELD(out, s->tsc_field, uint64_t *) = leaves;
        if (s->synced && (out->ol_flags & RTE_MBUF_F_TX_IEEE1588_TMST) != 0)
            s->tx_stamp = leaves;
        s->held[(s->first + s->n_held++) % HELD] = (struct held){out, leaves};
    }
    release(s);
    return sent;
}

static int simts_configure(struct rte_eth_dev *dev)
{
    struct simts *s = dev->data->dev_private;
    s->wants_stamps = (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    s->wants_launch =
        (dev->data->dev_conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP) != 0;
    s->tsc_field = tsc_field();
    if (s->tsc_field < 0 || rte_mbuf_dyn_rx_timestamp_register(&s->stamp_field, &s->rx_flag) != 0 ||
        (s->launch && rte_mbuf_dyn_tx_timestamp_register(&s->stamp_field, &s->tx_flag) != 0))
        return -ENOMEM;

    char name[sizeof s->sub];
    strcpy(name, s->sub);
    char *args = strchr(name, ';');
    if (args)
        *args++ = '\0';
    for (char *at = args; at && (at = strchr(at, ';'));)
        *at = ',';
    if (rte_eth_dev_get_port_by_name(name, &s->sub_id) == 0)
        return 0;
    int fault = rte_eal_hotplug_add("vdev", name, args ? args : "");
    s->has_sub = fault == 0;
    if (!fault)
        fault = rte_eth_dev_get_port_by_name(name, &s->sub_id);
    return fault;
}

static int simts_rx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t n, unsigned node,
                          const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
    struct simts *s = dev->data->dev_private;
    const struct rte_eth_conf plain = {0};
    (void)conf;
    int fault = rte_eth_dev_configure(s->sub_id, 1, 1, &plain);
    if (!fault)
        fault = rte_eth_tx_queue_setup(s->sub_id, 0, n, node, NULL);
    if (!fault)
        fault = rte_eth_rx_queue_setup(s->sub_id, 0, n, node, NULL, pool);
    dev->data->rx_queues[queue] = s;
    return fault;
}

static int simts_tx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t n, unsigned node,
                          const struct rte_eth_txconf *conf)
{
    (void)n;
    (void)node;
    (void)conf;
    dev->data->tx_queues[queue] = dev->data->dev_private;
    return 0;
}

static int simts_start(struct rte_eth_dev *dev)
{
    const struct simts *s = dev->data->dev_private;
    dev->data->dev_link.link_status = RTE_ETH_LINK_UP;
    return rte_eth_dev_start(s->sub_id);
}

static int simts_stop(struct rte_eth_dev *dev)
{
    struct simts *s = dev->data->dev_private;
    for (; s->n_held > 0; s->n_held--) {
        rte_pktmbuf_free(s->held[s->first].frame);
        s->first = (s->first + 1) % HELD;
    }
    dev->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
    return rte_eth_dev_stop(s->sub_id);
}

static int simts_close(struct rte_eth_dev *dev)
{
    struct simts *s = dev->data->dev_private;
    dev->data->mac_addrs = NULL; // within dev_private
    return s->has_sub ? rte_eth_dev_close(s->sub_id) : 0;
}

static int simts_info(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
    const struct simts *s = dev->data->dev_private;
    info->max_mac_addrs = 1;
    info->max_rx_pktlen = UINT32_MAX;
    info->max_rx_queues = 1;
    info->max_tx_queues = 1;
    info->rx_offload_capa = s->stamped_of_100 > 0 ? RTE_ETH_RX_OFFLOAD_TIMESTAMP : 0;
    info->tx_offload_capa = s->launch ? RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP : 0;
    return 0;
}

static int simts_link(struct rte_eth_dev *dev, int wait)
{
    (void)dev;
    (void)wait;
    return 0;
}

static int simts_stats(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
    const struct simts *s = dev->data->dev_private;
    return rte_eth_stats_get(s->sub_id, stats);
}

static int simts_sync(struct rte_eth_dev *dev)
{
    struct simts *s = dev->data->dev_private;
    if (s->timesync == SOURCE_NONE)
        return -ENOTSUP;
    s->synced = true;
    return 0;
}

static int simts_read_time(struct rte_eth_dev *dev, struct timespec *time)
{
    const struct simts *s = dev->data->dev_private;
    if (s->timesync == SOURCE_NONE)
        return -ENOTSUP;
    uint64_t ns = clock_ns(s, tsc_now_ordered());
    if (s->timesync == SOURCE_OTHER)
        ns = ns / 2 + 5000000000;
    *time = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return 0;
}

static int simts_adjust(struct rte_eth_dev *dev, int64_t by_ns)
{
    struct simts *s = dev->data->dev_private;
    s->offset_ns += by_ns;
    return 0;
}

static int simts_read_tx(struct rte_eth_dev *dev, struct timespec *time)
{
    struct simts *s = dev->data->dev_private;
    if (s->tx_stamp == 0 || (int64_t)(tsc_now() - s->tx_stamp) < 0)
        return -EINVAL;
    const uint64_t ns = clock_ns(s, s->tx_stamp);
    s->tx_stamp = 0;
    *time = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return 0;
}

static int simts_read_clock(struct rte_eth_dev *dev, uint64_t *clock)
{
    const struct simts *s = dev->data->dev_private;
    struct timespec raw;
    switch (s->read_clock) {
    case SOURCE_DEVICE:
        *clock = unit_of(s, clock_ns(s, tsc_now_ordered()));
        return 0;
    case SOURCE_RAW:
        clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
        *clock = (uint64_t)raw.tv_sec * 1000000000 + (uint64_t)raw.tv_nsec;
        return 0;
    default:
        return -ENOTSUP;
    }
}

static const struct eth_dev_ops ops = {
    .dev_configure = simts_configure,
    .dev_start = simts_start,
    .dev_stop = simts_stop,
    .dev_close = simts_close,
    .dev_infos_get = simts_info,
    .rx_queue_setup = simts_rx_setup,
    .tx_queue_setup = simts_tx_setup,
    .link_update = simts_link,
    .stats_get = simts_stats,
    .timesync_enable = simts_sync,
    .timesync_read_time = simts_read_time,
    .timesync_adjust_time = simts_adjust,
    .timesync_read_tx_timestamp = simts_read_tx,
    .read_clock = simts_read_clock,
};

static const char *const known[] = {"sub",        "drift_ppb", "offset_ns", "hz",
                                    "read_clock", "timesync",  "stamps",    "jitter_ns",
                                    "txlat_ns",   "launch",    "mbps",      NULL};

static int64_t number(const struct rte_kvargs *args, const char *key, int64_t otherwise)
{
    const char *text = rte_kvargs_get(args, key);
    return text ? strtoll(text, NULL, 0) : otherwise;
}

static enum source source(const struct rte_kvargs *args, const char *key)
{
    const char *text = rte_kvargs_get(args, key);
    if (text && strcmp(text, "raw") == 0)
        return SOURCE_RAW;
    if (text && strcmp(text, "other") == 0)
        return SOURCE_OTHER;
    return text && strcmp(text, "none") == 0 ? SOURCE_NONE : SOURCE_DEVICE;
}

// Its clock is as far ahead of CLOCK_REALTIME as it is told, and then drifts.
static void start_clock(struct simts *s)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    s->tsc_base = tsc_now_ordered();
    s->offset_ns += (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    s->ns_per_tick = 1e9 / (double)rte_get_tsc_hz() * (1 + (double)s->drift_ppb / 1e9);
}

static int simts_probe(struct rte_vdev_device *vdev)
{
    struct rte_kvargs *args = rte_kvargs_parse(rte_vdev_device_args(vdev), known);
    const char *sub = args ? rte_kvargs_get(args, "sub") : NULL;
    struct rte_eth_dev *dev = sub && strlen(sub) < sizeof((struct simts *)0)->sub
                                  ? rte_eth_vdev_allocate(vdev, sizeof(struct simts))
                                  : NULL;
    if (!dev) {
        rte_kvargs_free(args);
        return -EINVAL;
    }
    struct simts *s = dev->data->dev_private;
    *s = (struct simts){
        .drift_ppb = number(args, "drift_ppb", 0),
        .offset_ns = number(args, "offset_ns", 0),
        .hz = (uint64_t)number(args, "hz", 0),
        .read_clock = source(args, "read_clock"),
        .timesync = source(args, "timesync"),
        .stamped_of_100 = (uint64_t)number(args, "stamps", 100),
        .jitter_ns = (uint64_t)number(args, "jitter_ns", 0),
        .txlat_ns = (uint64_t)number(args, "txlat_ns", 0),
        .launch = (enum launch)number(args, "launch", 0),
        .mbps = (uint64_t)number(args, "mbps", 25000),
        .random = 7,
    };
    strcpy(s->sub, sub);
    rte_kvargs_free(args);
    start_clock(s);
    rte_eth_random_addr(s->mac.addr_bytes);
    dev->data->mac_addrs = &s->mac;
    dev->data->nb_rx_queues = dev->data->nb_tx_queues = 1;
    dev->data->dev_link = (struct rte_eth_link){.link_speed = (uint32_t)s->mbps,
                                                .link_duplex = RTE_ETH_LINK_FULL_DUPLEX};
    dev->dev_ops = &ops;
    dev->rx_pkt_burst = simts_rx;
    dev->tx_pkt_burst = simts_tx;
    rte_eth_dev_probing_finish(dev);
    return 0;
}

static int simts_remove(struct rte_vdev_device *vdev)
{
    struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));
    if (!dev)
        return 0;
    simts_close(dev);
    return rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver driver = {.probe = simts_probe, .remove = simts_remove};

RTE_PMD_REGISTER_VDEV(net_simts, driver);
