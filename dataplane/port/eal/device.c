#include "dataplane/port/eal/device.h"

#include "base/log.h"
#include "dataplane/port/eal/advice.h"
#include "dataplane/port/eal/pool.h"
#include "dataplane/port/eal/vdev.h"
#include "dataplane/port/xdp/foreign_log.h"

#include <rte_config.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING_LEN = 1024 }; // for a device without a preference

static struct ethdev *queue_new(struct device *device, uint16_t index)
{
    char pool[RTE_MEMPOOL_NAMESIZE];
    struct ethdev *queue = ethdev_new(device->id, index, device->plan.addresses);
    if (!queue)
        return NULL;
    snprintf(pool, sizeof pool, "p%u.%u", device->id, index);
    queue->pool = pool_create(pool, rte_eth_dev_socket_id(device->id));
    if (!queue->pool) {
        free(queue);
        return NULL;
    }
    return queue;
}

// Sets up queues and their rings. 0 or a -errno of DPDK.
static int configure(struct device *device, const struct rte_eth_dev_info *info)
{
    uint16_t n = (uint16_t)device->n_queues;
    struct rte_eth_conf conf = {0};
    struct device_stamps *stamps = &device->clock.stamps;
    device->has_clock = device->plan.stamps && dpdk_clock_offers(info, device->plan.launch, stamps);
    if (stamps->rx_flag)
        conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    if (stamps->tx_flag)
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP;
    if (n > 1 && info->flow_type_rss_offloads != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads;
    }
    int fault = rte_eth_dev_configure(device->id, n, n, &conf);
    if (fault)
        return fault;

    uint16_t rx =
        info->default_rxportconf.ring_size ? info->default_rxportconf.ring_size : RING_LEN;
    uint16_t tx =
        info->default_txportconf.ring_size ? info->default_txportconf.ring_size : RING_LEN;
    fault = rte_eth_dev_adjust_nb_rx_tx_desc(device->id, &rx, &tx);
    device->queue = calloc(n, sizeof *device->queue);
    if (!device->queue)
        fault = -ENOMEM;
    unsigned node = (unsigned)rte_eth_dev_socket_id(device->id);
    for (uint16_t i = 0; i < n && !fault; i++) {
        device->queue[i] = queue_new(device, i);
        if (!device->queue[i])
            fault = -ENOMEM;
    }
    // The AF_XDP driver pairs a send and a receive queue of the same number: the send queues must
    // be set up first.
    for (uint16_t i = 0; i < n && !fault; i++)
        fault = rte_eth_tx_queue_setup(device->id, i, tx, node, NULL);
    for (uint16_t i = 0; i < n && !fault; i++)
        fault = rte_eth_rx_queue_setup(device->id, i, rx, node, NULL, device->queue[i]->pool);
    return fault;
}

static void open_clock(struct device *device)
{
    dpdk_clock_open(&device->clock, device->id, device->name, device->queue, device->n_queues);
    for (uint32_t i = 0; i < device->n_queues; i++)
        device->queue[i]->clock = &device->clock;
    for (uint32_t i = 0; i < device->n_queues && device->clock.stamps.tx_flag; i++) {
        device->queue[i]->port.launches = true;
        device->queue[i]->port.launch = PORT_LAUNCH_USED;
    }
}

// Probes and starts the device with that DPDK name and those arguments. 0 or -errno, not logged.
static int bring_up(struct device *device, const char *args, uint32_t most_queues)
{
    int fault = rte_eal_hotplug_add("vdev", device->name, args);
    if (fault)
        return fault;
    device->probed = true;
    fault = rte_eth_dev_get_port_by_name(device->name, &device->id);
    struct rte_eth_dev_info info;
    if (!fault)
        fault = rte_eth_dev_info_get(device->id, &info);
    if (fault)
        return fault;

    device->n_queues = RTE_MIN(most_queues, (uint32_t)info.max_rx_queues);
    device->n_queues = RTE_MIN(device->n_queues, (uint32_t)info.max_tx_queues);
    if (device->n_queues == 0)
        return -ENODEV; // it can only send, or only receive
    fault = configure(device, &info);
    if (!fault)
        fault = rte_eth_dev_start(device->id);
    device->started = fault == 0;
    if (!fault && device->has_clock)
        open_clock(device);
    return fault;
}

int device_open(struct device *device, const struct device_plan *plan)
{
    const char *text = plan->device;
    *device = (struct device){.plan = *plan};
    foreign_log_hold();
    size_t len = strcspn(text, ",");
    if (len >= sizeof device->name) {
        log_error("%s: the name of this device is too long", text);
        return -ENAMETOOLONG;
    }
    memcpy(device->name, text, len);
    device->name[len] = '\0';
    int fault = vdev_prepare_socket(text);
    if (fault)
        return fault;
    // DPDK 22.11's memif server uses its own send ring as the receive ring when the peer has fewer
    // queues. So a memif device has one queue, and several cores need several memif devices.
    bool memif = strncmp(text, "net_memif", strlen("net_memif")) == 0;
    fault =
        bring_up(device, text[len] == ',' ? text + len + 1 : "", memif ? 1 : device->plan.n_queues);
    if (fault)
        advice_vdev(text, fault);
    return fault;
}

void device_close(struct device *device)
{
    if (device->started)
        rte_eth_dev_stop(device->id);
    for (uint32_t i = 0; device->queue && i < device->n_queues && device->queue[i]; i++)
        ethdev_empty(device->queue[i]);
    if (device->probed) {
        rte_eth_dev_close(device->id);
        rte_eal_hotplug_remove("vdev", device->name);
    }
    for (uint32_t i = 0; device->queue && i < device->n_queues && device->queue[i]; i++) {
        rte_mempool_free(device->queue[i]->pool);
        free(device->queue[i]);
    }
    free(device->queue);
    *device = (struct device){0};
}

uint64_t device_missed(const struct device *device)
{
    struct rte_eth_stats stats;
    if (rte_eth_stats_get(device->id, &stats) != 0)
        return 0;
    return stats.imissed + stats.rx_nombuf;
}

uint64_t device_received(const struct device *device)
{
    struct rte_eth_stats stats;
    return rte_eth_stats_get(device->id, &stats) == 0 ? stats.ipackets : 0;
}

bool device_link_up(const struct device *device)
{
    struct rte_eth_link link;
    return rte_eth_link_get_nowait(device->id, &link) == 0 && link.link_status;
}

const char *device_driver(const struct device *device)
{
    struct rte_eth_dev_info info;
    return rte_eth_dev_info_get(device->id, &info) == 0 ? info.driver_name : "";
}

void device_mac(const struct device *device, uint8_t mac[6])
{
    struct rte_ether_addr address = {0};
    rte_eth_macaddr_get(device->id, &address);
    memcpy(mac, address.addr_bytes, 6);
}
