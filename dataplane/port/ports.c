#include "dataplane/port/ports.h"

#include "base/log.h"
#include "dataplane/port/eal/eal.h"
#include "dataplane/port/eal/foreign_log.h"
#include "dataplane/port/eal/pool.h"
#include "dataplane/port/opened.h"

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

enum { ALONE_S = 30 }; // see ports_refresh

struct ports {
    const struct config *config;
    uint32_t n_opened;
    struct opened opened[PORTS_MAX];
    struct core_queues core[CORES_MAX];
    int watch;         // addresses_watch's descriptor, or -1
    uint16_t udp_port; // as ports_steer was told
    uint32_t alone_s;  // seconds without any open port
    struct opened_room now;
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

// Opens the next port; the kernel's addresses are followed from here on.
static int open_one(struct ports *ports, const struct device_plan *plan, struct board_port *port,
                    bool first)
{
    struct opened *opened = &ports->opened[ports->n_opened++];
    int fault = opened_open(opened, plan, port, first);
    // The watch comes before the first list, so that no change falls between them.
    if (!fault && opened_follows_kernel(opened) && ports->watch < 0) {
        ports->watch = addresses_watch();
        fault = ports->watch < 0 ? ports->watch : 0;
        if (fault)
            log_error("%s: cannot follow the kernel's addresses by netlink: %s", plan->device,
                      strerror(-fault));
    }
    return fault;
}

int ports_open(const struct config *config, struct board_dataplane *board, struct ports **out)
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

    // The first start is to fail when a port cannot be opened.
    const bool first = atomic_load_explicit(&board->starts, memory_order_relaxed) <= 1;
    int fault = start_dpdk(config, plans);
    for (uint32_t i = 0; i < config->dataplane.n_ports && !fault; i++)
        fault = open_one(ports, &plans[i], &board->port[i], first);
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

uint32_t ports_n_open(const struct ports *ports)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < ports->n_opened; i++)
        n += ports->opened[i].state == BOARD_PORT_OPEN;
    return n;
}

int ports_steer(struct ports *ports, uint16_t udp_port)
{
    ports->udp_port = udp_port;
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        struct opened *opened = &ports->opened[i];
        if (opened->config->kind != PORT_INTERFACE || opened->state != BOARD_PORT_OPEN)
            continue;
        int fault = opened_steer(opened, udp_port, &ports->now);
        if (fault && fault != -EAGAIN)
            return fault;
        log_info("%s: NTP requests to UDP port %u of %u IPv4 and %u IPv6 addresses are served; all "
                 "other packets go to the kernel",
                 opened->config->device, udp_port, address_list_served_v4(&ports->now.list),
                 address_list_served_v6(&ports->now.list));
    }
    for (uint32_t i = 0; i < ports->n_opened; i++)
        if (ports->opened[i].state == BOARD_PORT_OPEN)
            log_info("%s: %s", ports->opened[i].config->device,
                     device_is_to_stamp(&ports->opened[i].device)
                         ? "the XDP program stamps each request as it arrives"
                         : "requests bear no stamp and count as arrived when a core looks");
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
        if (opened_follows_kernel(&ports->opened[i]))
            opened_steer(&ports->opened[i], ports->udp_port, &ports->now);
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
    for (uint32_t i = 0; i < ports->n_opened; i++)
        opened_show(&ports->opened[i], &board->port[i]);
    ports_refresh(ports, board);
    atomic_store_explicit(&board->n_ports, ports->n_opened, memory_order_release);
}

// While no port is open a new start costs nothing, and the sweep may see what we cannot: a program
// in the way whose owner has died.
static bool is_alone(struct ports *ports)
{
    ports->alone_s = ports_n_open(ports) > 0 ? 0 : ports->alone_s + 1;
    return ports->alone_s > ALONE_S;
}

bool ports_refresh(struct ports *ports, struct board_dataplane *board)
{
    for (uint32_t i = 0; i < ports->n_opened; i++)
        if (!opened_refresh(&ports->opened[i], &board->port[i], ports->udp_port, &ports->now))
            return false;
    if (xdp_socket_cut_off()) {
        log_warning("an AF_XDP socket was cut off from its interface; it will be opened anew");
        return false;
    }
    return !is_alone(ports);
}

bool ports_close(struct ports *ports)
{
    bool all = true;
    if (!ports)
        return all;
    for (uint32_t i = 0; i < ports->n_opened; i++)
        all &= opened_close(&ports->opened[i]);
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

// The program of a blocked port was never ours.
static int sweep_port(const char *name, struct board_port *port)
{
    struct xdp_left left = {0};
    if (atomic_load_explicit(&port->state, memory_order_relaxed) != BOARD_PORT_BLOCKED)
        left = (struct xdp_left){
            .ifindex = atomic_load_explicit(&port->ifindex, memory_order_relaxed),
            .program = atomic_load_explicit(&port->program, memory_order_relaxed),
        };
    int fault = xdp_sweep(name, XDP_NAMES, &left);
    atomic_store_explicit(&port->link_up, 0, memory_order_relaxed);
    atomic_store_explicit(&port->state, fault ? BOARD_PORT_BLOCKED : BOARD_PORT_CLOSED,
                          memory_order_relaxed);
    atomic_store_explicit(&port->ifindex, fault ? left.ifindex : 0, memory_order_relaxed);
    atomic_store_explicit(&port->program, fault ? left.program : 0, memory_order_relaxed);
    return fault;
}

int ports_sweep(const struct config *config, struct board_dataplane *board)
{
    const bool first = atomic_load_explicit(&board->starts, memory_order_relaxed) == 0;
    int fault = foreign_log_route();
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        const struct config_port *port = &config->dataplane.ports[i];
        int result = port->kind == PORT_INTERFACE ? sweep_port(port->device, &board->port[i]) : 0;
        if (result && first)
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
