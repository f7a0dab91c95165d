#include "dataplane/port/ports.h"

#include "base/log.h"
#include "dataplane/port/eal/device.h"
#include "dataplane/port/eal/eal.h"
#include "dataplane/port/eal/foreign_log.h"
#include "dataplane/port/eal/pool.h"
#include "dataplane/port/xdp/addresses.h"
#include "dataplane/port/xdp/steering.h"

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

// A port of the configuration.
struct opened {
    const struct config_port *config;
    struct device device;
    struct steering steering;     // PORT_INTERFACE
    struct address_set addresses; // PORT_VDEV: the addresses that its queues accept
};

struct ports {
    const struct config *config;
    uint32_t n_opened;
    struct opened opened[PORTS_MAX];
    struct core_queues core[CORES_MAX];
    int watch;               // addresses_watch's descriptor, or -1
    uint16_t udp_port;       // the port that ports_steer set
    struct address_list now; // scratch space for one list: too large for a stack
};

// Gives the queues of all devices to the cores, in turn.
static int deal(struct ports *ports)
{
    const uint32_t n_cores = ports->config->dataplane.n_cores;
    uint32_t n_queues = 0;
    for (uint32_t i = 0; i < ports->n_opened; i++)
        n_queues += ports->opened[i].device.n_queues;
    for (uint32_t c = 0; c < n_cores; c++) {
        ports->core[c].queue = calloc(n_queues, sizeof(struct port *));
        if (!ports->core[c].queue)
            return -ENOMEM;
    }
    uint32_t next = 0;
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        const struct device *device = &ports->opened[i].device;
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

// Opens one port; from here on its addresses are followed if they come from the kernel.
static int open_one(struct ports *ports, const struct device_plan *plan, struct opened *opened)
{
    int fault = device_open(&opened->device, plan);
    if (fault || plan->kind != PORT_INTERFACE)
        return fault;
    fault = steering_find(opened->device.interface.index, &opened->steering);
    if (fault) {
        log_error("%s: the XDP program's maps cannot be found: %s", plan->device, strerror(-fault));
        return fault;
    }
    // The watch is opened before the first list is read, so that no change between them is lost.
    if (follows_kernel(opened->config) && ports->watch < 0)
        ports->watch = addresses_watch();
    if (follows_kernel(opened->config) && ports->watch < 0) {
        log_error("%s: cannot follow the kernel's addresses: %s; 'addresses' in the "
                  "configuration may name them",
                  plan->device, strerror(-ports->watch));
        return ports->watch;
    }
    return 0;
}

static struct device_plan plan_of(const struct ports *ports, uint32_t i)
{
    const struct opened *opened = &ports->opened[i];
    struct device_plan plan = {
        .kind = opened->config->kind,
        .device = opened->config->device,
        .n_queues = ports->config->dataplane.n_cores,
    };
    if (plan.kind == PORT_INTERFACE)
        plan.program = steering_program();
    else
        plan.addresses = &opened->addresses;
    return plan;
}

static int start_dpdk(const struct config *config, const struct device_plan *plans)
{
    uint32_t n_queues = 0;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        n_queues += device_queues_wanted(&plans[i]);
    struct eal_plan plan = {
        .prefix = "noonmark",
        .cores = config->dataplane.cores,
        .n_cores = config->dataplane.n_cores,
        .memory_mib = pool_memory_mib(n_queues),
    };
    int fault = eal_start(&plan);
    if (!fault && !eal_on_hugepages())
        log_warning("fewer than %u MiB of hugepages are free, so packets are kept in 4 KiB pages; "
                    "'sysctl vm.nr_hugepages=%u' reserves them",
                    plan.memory_mib, plan.memory_mib / 2);
    return fault;
}

int ports_open(const struct config *config, struct ports **out)
{
    struct device_plan plans[PORTS_MAX];
    struct ports *ports = calloc(1, sizeof *ports);
    if (!ports)
        return -ENOMEM;
    ports->config = config;
    ports->watch = -1;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        ports->opened[i].config = &config->dataplane.ports[i];
        addresses_configured_set(ports->opened[i].config, &ports->opened[i].addresses);
        plans[i] = plan_of(ports, i);
    }

    int fault = start_dpdk(config, plans);
    for (uint32_t i = 0; i < config->dataplane.n_ports && !fault; i++)
        fault = open_one(ports, &plans[i], &ports->opened[ports->n_opened++]);
    if (!fault)
        fault = deal(ports);
    foreign_log_release();
    if (fault) {
        ports_close(ports);
        return fault;
    }
    *out = ports;
    return 0;
}

static int steer(struct ports *ports, const struct opened *opened)
{
    struct address_list *list = &ports->now;
    int fault = 0;
    if (opened->config->n_addresses > 0)
        addresses_configured(opened->config, list);
    else
        fault = addresses_local(opened->device.interface.index, list);
    if (!fault)
        fault = steering_set(&opened->steering, ports->udp_port, list);
    if (fault)
        log_error("%s: cannot set the addresses that are steered: %s; 'addresses' in the "
                  "configuration may name them",
                  opened->config->device, strerror(-fault));
    return fault;
}

int ports_steer(struct ports *ports, uint16_t udp_port)
{
    ports->udp_port = udp_port;
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        const struct opened *opened = &ports->opened[i];
        if (opened->config->kind != PORT_INTERFACE)
            continue;
        int fault = steer(ports, opened);
        if (fault)
            return fault;
        log_info(
            "%s: UDP port %u of %u IPv4 and %u IPv6 addresses is served; all other packets go to "
            "the kernel",
            opened->config->device, udp_port, ports->now.n_v4, ports->now.n_v6);
    }
    for (uint32_t i = 0; i < ports->n_opened; i++)
        log_info("%s: %s", ports->opened[i].config->device,
                 device_is_to_stamp(&ports->opened[i].device)
                     ? "the XDP program stamps each request as it arrives"
                     : "requests bear no stamp and count as arrived when a core polls");
    return 0;
}

int ports_watch(const struct ports *ports)
{
    return ports->watch;
}

void ports_follow(struct ports *ports)
{
    addresses_drain(ports->watch);
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        if (follows_kernel(ports->opened[i].config))
            steer(ports, &ports->opened[i]);
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
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        const struct device *device = &ports->opened[i].device;
        struct board_port *port = &board->port[i];
        bool interface = device->plan.kind == PORT_INTERFACE;
        snprintf(port->name, sizeof port->name, "%s", device->plan.device);
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
    atomic_store_explicit(&board->n_ports, ports->n_opened, memory_order_release);
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
                    "and they count as arrived when a core polled",
                    device->plan.device, stamps.unstamped - before);
}

void ports_refresh(struct ports *ports, struct board_dataplane *board)
{
    static struct log_limit limit;
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        struct device *device = &ports->opened[i].device;
        struct board_port *port = &board->port[i];
        uint32_t up = device_link_up(device);
        if (up != atomic_exchange_explicit(&port->link_up, up, memory_order_relaxed))
            log_info("%s: the link is %s", device->plan.device, up ? "up" : "down");
        atomic_store_explicit(&port->rx_missed, device_missed(device), memory_order_relaxed);
        refresh_stamps(device, port);
        if (device_starved(device))
            log_limited(&limit, LOG_LEVEL_WARNING, "%s: out of packet buffers",
                        device->plan.device);
    }
}

bool ports_close(struct ports *ports)
{
    bool all = true;
    if (!ports)
        return all;
    for (uint32_t i = 0; i < ports->n_opened; i++)
        all &= device_close(&ports->opened[i].device);
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

int ports_sweep(const struct config *config)
{
    int fault = foreign_log_route();
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        const struct config_port *port = &config->dataplane.ports[i];
        int result = port->kind == PORT_INTERFACE ? xdp_sweep(port->device, XDP_NAMES) : 0;
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
