#include "dataplane/port/ports.h"

#include "base/log.h"
#include "dataplane/port/eal/device.h"
#include "dataplane/port/eal/eal.h"
#include "dataplane/port/eal/foreign_log.h"
#include "dataplane/port/xdp/addresses.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct core_queues {
    uint32_t n;
    struct port **queue;
};

struct ports {
    const struct config *config;
    uint32_t n_devices;
    struct device device[PORTS_MAX];
    struct core_queues core[CORES_MAX];
    int watch;               // addresses_watch's descriptor, or -1
    uint16_t udp_port;       // as ports_steer was told
    struct address_list now; // room for one list: too large for a stack
};

// Deals the queues of all devices out to the cores, in turn.
static int deal(struct ports *ports)
{
    const uint32_t n_cores = ports->config->dataplane.n_cores;
    uint32_t n_queues = 0;
    for (uint32_t d = 0; d < ports->n_devices; d++)
        n_queues += ports->device[d].n_queues;
    for (uint32_t c = 0; c < n_cores; c++) {
        ports->core[c].queue = calloc(n_queues, sizeof(struct port *));
        if (!ports->core[c].queue)
            return -ENOMEM;
    }
    uint32_t next = 0;
    for (uint32_t d = 0; d < ports->n_devices; d++) {
        const struct device *device = &ports->device[d];
        for (uint32_t q = 0; q < device->n_queues; q++) {
            struct core_queues *core = &ports->core[next++ % n_cores];
            core->queue[core->n++] = device->queue[q];
        }
    }
    if (n_queues < n_cores)
        log_warning("%u of the %u cores have no queue to poll: the ports have %u in all",
                    n_cores - n_queues, n_cores, n_queues);
    return 0;
}

static bool follows_kernel(const struct config_port *port)
{
    return port->kind == PORT_INTERFACE && port->n_addresses == 0;
}

static int open_devices(struct ports *ports, enum port_use use)
{
    const struct config *config = ports->config;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        const struct config_port *port = &config->dataplane.ports[i];
        struct device *device = &ports->device[ports->n_devices++];
        int fault = device_open(device, port, use, config->dataplane.n_cores);
        if (fault)
            return fault;
        if (use == USE_ASK)
            continue; // it is told its addresses
        // The watch comes before the first list, so that no change falls between them.
        if (follows_kernel(port) && ports->watch < 0)
            ports->watch = addresses_watch();
        if (follows_kernel(port) && ports->watch < 0) {
            log_error("%s: cannot follow the kernel's addresses: %s; 'addresses' in the "
                      "configuration may "
                      "name them",
                      port->device, strerror(-ports->watch));
            return ports->watch;
        }
    }
    return deal(ports);
}

// What a crashed run left. Looking at a program takes CAP_SYS_ADMIN; without it the kernel says
// that something is attached, once DPDK's driver tries.
static int sweep_own(const struct config *config)
{
    for (uint32_t i = 0; i < config->dataplane.n_ports && geteuid() == 0; i++) {
        const struct config_port *port = &config->dataplane.ports[i];
        int fault =
            port->kind == PORT_INTERFACE ? xdp_sweep(port->device, USE_ASK, XDP_ANY_USER) : 0;
        if (fault)
            return fault;
    }
    return 0;
}

int ports_open(const struct config *config, enum port_use use, struct ports **out)
{
    uint32_t n_queues = 0;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        n_queues += device_queues_wanted(&config->dataplane.ports[i], config->dataplane.n_cores);
    struct ports *ports = calloc(1, sizeof *ports);
    if (!ports)
        return -ENOMEM;
    ports->config = config;
    ports->watch = -1;

    int fault = eal_start(config->dataplane.cores, config->dataplane.n_cores, n_queues, use);
    if (!fault && use == USE_ASK)
        fault = sweep_own(config);
    if (!fault)
        fault = open_devices(ports, use);
    foreign_log_release();
    if (fault) {
        ports_close(ports);
        return fault;
    }
    *out = ports;
    return 0;
}

static int steer(struct ports *ports, struct device *device)
{
    struct address_list *list = &ports->now;
    int fault = 0;
    if (device->config->n_addresses > 0)
        addresses_configured(device->config, list);
    else
        fault = addresses_local(device->interface.index, list);
    if (!fault)
        fault = xdp_steer(&device->maps, ports->udp_port, list);
    if (fault)
        log_error("%s: cannot set the addresses that are steered: %s; 'addresses' in the "
                  "configuration may name them",
                  device->config->device, strerror(-fault));
    return fault;
}

int ports_steer(struct ports *ports, uint16_t udp_port)
{
    ports->udp_port = udp_port;
    for (uint32_t i = 0; i < ports->n_devices; i++) {
        struct device *device = &ports->device[i];
        if (device->config->kind != PORT_INTERFACE)
            continue;
        int fault = steer(ports, device);
        if (fault)
            return fault;
        log_info("%s: UDP port %u of %u IPv4 and %u IPv6 addresses is served; all else stays with "
                 "the kernel",
                 device->config->device, udp_port, ports->now.n_v4, ports->now.n_v6);
    }
    for (uint32_t i = 0; i < ports->n_devices; i++)
        log_info("%s: %s", ports->device[i].config->device,
                 device_is_to_stamp(&ports->device[i])
                     ? "the XDP program stamps each request as it arrives"
                     : "requests bear no stamp and count as arrived when a core looks");
    return 0;
}

int ports_gather(struct ports *ports, const struct gather_rule *rule)
{
    for (uint32_t i = 0; i < ports->n_devices; i++) {
        const struct device *device = &ports->device[i];
        if (device->config->kind != PORT_INTERFACE)
            continue;
        int fault = xdp_gather(&device->maps, rule);
        if (fault) {
            log_error("%s: cannot tell the XDP program what is ours: %s", device->config->device,
                      strerror(-fault));
            return fault;
        }
    }
    return 0;
}

int ports_watch(const struct ports *ports)
{
    return ports->watch;
}

void ports_follow(struct ports *ports)
{
    addresses_drain(ports->watch);
    for (uint32_t i = 0; i < ports->n_devices; i++) {
        if (follows_kernel(ports->device[i].config))
            steer(ports, &ports->device[i]);
    }
}

uint32_t ports_of_core(const struct ports *ports, uint32_t core, struct port *const **queues)
{
    *queues = ports->core[core].queue;
    return ports->core[core].n;
}

int ports_thread_enter(void)
{
    return eal_thread_enter();
}

void ports_thread_leave(void)
{
    eal_thread_leave();
}

void ports_show(struct ports *ports, struct board_dataplane *board)
{
    for (uint32_t i = 0; i < ports->n_devices; i++) {
        const struct device *device = &ports->device[i];
        struct board_port *port = &board->port[i];
        bool interface = device->config->kind == PORT_INTERFACE;
        snprintf(port->name, sizeof port->name, "%s", device->config->device);
        snprintf(port->driver, sizeof port->driver, "%s", device_driver(device));
        snprintf(port->mode, sizeof port->mode, "%s",
                 interface ? xdp_mode(device->interface.index) : "");
        snprintf(port->stamps, sizeof port->stamps, "%s",
                 device_is_to_stamp(device) ? "XDP program" : "poll");
        port->queues = device->n_queues;
        device_mac(device, port->mac);
        atomic_store_explicit(&port->link_up, device_link_up(device), memory_order_relaxed);
    }
    ports_refresh(ports, board);
    atomic_store_explicit(&board->n_ports, ports->n_devices, memory_order_release);
}

static void refresh_stamps(const struct device *device, struct board_port *port)
{
    static struct log_limit limit;
    struct device_stamps stamps = device_stamps(device);
    uint64_t before =
        atomic_exchange_explicit(&port->unstamped, stamps.unstamped, memory_order_relaxed);
    atomic_store_explicit(&port->stamped, stamps.stamped, memory_order_relaxed);
    if (stamps.unstamped > before)
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "%s: %" PRIu64
                    " frames came without a stamp: the device leaves no room for it, "
                    "and they count as arrived when a core looked",
                    device->config->device, stamps.unstamped - before);
}

void ports_refresh(struct ports *ports, struct board_dataplane *board)
{
    static struct log_limit limit;
    ports_greet(ports);
    for (uint32_t i = 0; i < ports->n_devices; i++) {
        struct device *device = &ports->device[i];
        struct board_port *port = &board->port[i];
        uint32_t up = device_link_up(device);
        if (up != atomic_exchange_explicit(&port->link_up, up, memory_order_relaxed))
            log_info("%s: the link is %s", device->config->device, up ? "up" : "down");
        atomic_store_explicit(&port->rx_missed, device_missed(device), memory_order_relaxed);
        refresh_stamps(device, port);
        if (device_starved(device))
            log_limited(&limit, LOG_LEVEL_WARNING, "%s: out of packet buffers",
                        device->config->device);
    }
}

bool ports_link_up(const struct ports *ports)
{
    return device_link_up(&ports->device[0]);
}

void ports_mac(const struct ports *ports, uint8_t mac[6])
{
    device_mac(&ports->device[0], mac);
}

const char *ports_driver(const struct ports *ports)
{
    return device_driver(&ports->device[0]);
}

uint64_t ports_missed(const struct ports *ports)
{
    return device_missed(&ports->device[0]);
}

void ports_greet(const struct ports *ports)
{
    for (uint32_t i = 0; i < ports->n_devices; i++) {
        if (ports->device[i].owner >= 0)
            xdp_owner_greet(ports->device[i].owner);
    }
}

bool ports_close(struct ports *ports)
{
    bool all = true;
    if (!ports)
        return all;
    for (uint32_t i = 0; i < ports->n_devices; i++)
        all &= device_close(&ports->device[i]);
    for (uint32_t c = 0; c < CORES_MAX; c++)
        free(ports->core[c].queue);
    if (ports->watch >= 0)
        close(ports->watch);
    free(ports);
    return all;
}

void ports_end(void)
{
    eal_stop();
}

int ports_sweep(const struct config *config, uid_t user)
{
    int fault = foreign_log_route();
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        const struct config_port *port = &config->dataplane.ports[i];
        int result = port->kind == PORT_INTERFACE ? xdp_sweep(port->device, USE_SERVE, user) : 0;
        if (result)
            fault = result;
    }
    return fault;
}

const char *ports_dpdk_version(void)
{
    return eal_version();
}

const char *ports_memory(void)
{
    return eal_memory();
}
