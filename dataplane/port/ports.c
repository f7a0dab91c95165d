#include "dataplane/port/ports.h"

#include "base/log.h"
#include "dataplane/port/eal/eal.h"
#include "dataplane/port/eal/pool.h"
#include "dataplane/port/opened.h"
#include "dataplane/port/xdp/foreign_log.h"

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
    uint32_t n_opened;
    struct opened opened[PORTS_MAX];
    struct core_queues core[CORES_MAX];
    int watch;            // addresses_watch's descriptor, or -1
    struct udp_ports udp; // as ports_steer was told
    struct opened_room now;
};

// Gives the queues of all devices to the cores, in turn.
static int deal(struct ports *ports)
{
    const uint32_t n_cores = ports->config->dataplane.n_cores;
    uint32_t n_queues = 0;
    for (uint32_t i = 0; i < ports->n_opened; i++)
        n_queues += opened_n_queues(&ports->opened[i]);
    for (uint32_t c = 0; c < n_cores; c++) {
        ports->core[c].queue = calloc(n_queues, sizeof(struct port *));
        if (!ports->core[c].queue)
            return -ENOMEM;
    }
    uint32_t next = 0;
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        const struct opened *opened = &ports->opened[i];
        for (uint32_t q = 0; q < opened_n_queues(opened); q++) {
            struct core_queues *core = &ports->core[next++ % n_cores];
            core->queue[core->n++] = opened_queue(opened, q);
        }
    }
    if (n_queues < n_cores)
        log_warning("%u of the %u cores have no queue to poll: the ports have %u in all",
                    n_cores - n_queues, n_cores, n_queues);
    return 0;
}

// DPDK is started for devices of its own alone.
static int start_dpdk(const struct config *config)
{
    const uint32_t n_cores = config->dataplane.n_cores;
    uint32_t n_devices = 0;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        n_devices += config->dataplane.ports[i].kind == PORT_VDEV;
    if (n_devices == 0)
        return 0;
    struct eal_plan plan = {
        .prefix = "noonmark",
        .cores = config->dataplane.cores,
        .n_cores = n_cores,
        .memory_mib = pool_memory_mib(n_devices * n_cores),
    };
    int fault = eal_start(&plan);
    if (!fault && !eal_on_hugepages())
        log_warning("fewer than %u MiB of hugepages are free, so packets are kept in 4 KiB pages; "
                    "'sysctl vm.nr_hugepages=%u' reserves them",
                    plan.memory_mib, plan.memory_mib / 2);
    return fault;
}

// Opens the next port; the kernel's addresses are followed from here on.
static int open_one(struct ports *ports, struct opened_plan *plan, const int *phc, bool first)
{
    struct opened *opened = &ports->opened[ports->n_opened];
    plan->phc = phc ? phc[ports->n_opened] : -1;
    ports->n_opened++;
    int fault = opened_open(opened, plan, first);
    if (opened->config->kind == PORT_SOCKET) {
        plan->first_socket += (int)plan->n_sockets;
        plan->keeps_offset = false;
    }
    // The watch comes before the first list, so that no change falls between them.
    if (!fault && opened_follows_kernel(opened) && ports->watch < 0) {
        ports->watch = addresses_watch();
        fault = ports->watch < 0 ? ports->watch : 0;
        if (fault)
            log_error("%s: cannot follow the kernel's addresses by netlink: %s",
                      opened->config->device, strerror(-fault));
    }
    return fault;
}

int ports_open(const struct config *config, int first_socket, const int *phc,
               struct board_dataplane *board, struct ports **out)
{
    struct ports *ports = calloc(1, sizeof *ports);
    if (!ports)
        return -ENOMEM;
    ports->config = config;
    ports->watch = -1;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        ports->opened[i].config = &config->dataplane.ports[i];
        opened_forget(&board->port[i]);
        addresses_configured_set(ports->opened[i].config, &ports->opened[i].addresses);
    }

    // The first start is to fail when a port cannot be opened.
    const bool first = atomic_load_explicit(&board->starts, memory_order_relaxed) <= 1;
    struct opened_plan plan = {
        .n_queues = config->dataplane.n_cores,
        .tell_departures = config->dataplane.interleaved == SWITCH_TRUE,
        .launch = config->dataplane.launch_time == SWITCH_TRUE,
        .first_socket = first_socket,
        .n_sockets = config_sockets_each(config) * config_udp_ports(config),
        .offset = &board->wall_offset,
        .keeps_offset = true,
    };
    foreign_log_route();
    int fault = start_dpdk(config);
    for (uint32_t i = 0; i < config->dataplane.n_ports && !fault; i++)
        fault = open_one(ports, &plan, phc, first);
    for (uint32_t i = 0; i < ports->n_opened && !fault; i++)
        opened_set_clocks(&ports->opened[i], &board->port[i].own_clock);
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

const struct port_clock *ports_clock(const struct ports *ports, uint32_t i)
{
    return i < ports->n_opened ? opened_clock(&ports->opened[i]) : NULL;
}

bool ports_tell_departures(const struct ports *ports)
{
    for (uint32_t i = 0; i < ports->n_opened; i++)
        if (opened_tells_departures(&ports->opened[i]))
            return true;
    return false;
}

int ports_steer(struct ports *ports, struct udp_ports udp)
{
    ports->udp = udp;
    for (uint32_t i = 0; i < ports->n_opened; i++) {
        struct opened *opened = &ports->opened[i];
        if (opened->config->kind != PORT_INTERFACE || opened->state != BOARD_PORT_OPEN)
            continue;
        int fault = opened_steer(opened, udp, &ports->now);
        if (fault && fault != -EAGAIN)
            return fault;
        log_info("%s: NTP requests to UDP port %u of %u IPv4 and %u IPv6 addresses are served; all "
                 "other packets go to the kernel",
                 opened->config->device, udp.ntp, address_list_served_v4(&ports->now.list),
                 address_list_served_v6(&ports->now.list));
    }
    for (uint32_t i = 0; i < ports->n_opened; i++)
        if (ports->opened[i].state == BOARD_PORT_OPEN)
            log_info("%s: %s", ports->opened[i].config->device, opened_arrival(&ports->opened[i]));
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
            opened_steer(&ports->opened[i], ports->udp, &ports->now);
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

bool ports_refresh(struct ports *ports, struct board_dataplane *board)
{
    for (uint32_t i = 0; i < ports->n_opened; i++)
        if (!opened_refresh(&ports->opened[i], &board->port[i], ports->udp, &ports->now))
            return false;
    return true;
}

void ports_close(struct ports *ports)
{
    if (!ports)
        return;
    for (uint32_t i = 0; i < ports->n_opened; i++)
        opened_close(&ports->opened[i]);
    for (uint32_t c = 0; c < CORES_MAX; c++)
        free(ports->core[c].queue);
    if (ports->watch >= 0)
        close(ports->watch);
    free(ports);
}

void ports_end(void)
{
    eal_stop();
}

bool ports_with_dpdk(void)
{
    return eal_started();
}

const char *ports_dpdk_version(void)
{
    return eal_version();
}

const char *ports_memory(void)
{
    return eal_memory();
}
