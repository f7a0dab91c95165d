#include "perf/port/tester_port.h"

#include "base/log.h"
#include "dataplane/port/eal/device.h"
#include "dataplane/port/eal/eal.h"
#include "dataplane/port/eal/pool.h"
#include "dataplane/port/xdp/foreign_log.h"
#include "link/interface_lock.h"
#include "perf/port/replies_object.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static_assert(sizeof REPLIES_PROGRAM_NAME <= 16 && sizeof REPLIES_RULE_NAME <= 16,
              "the kernel keeps 15 characters of a name");

struct tester_port {
    char *name;
    struct device device;
    int lock; // descriptor of interface_lock, or negative
    int rule; // descriptor of the map; only for an interface
    uint32_t n_queues;
    struct frames_queue *queue;
};

static struct device_plan plan_of(const struct tester_port *port, bool is_interface)
{
    struct device_plan plan = {
        .kind = is_interface ? PORT_INTERFACE : PORT_VDEV,
        .device = port->name,
        .n_queues = 1,
    };
    if (is_interface)
        plan.program = (struct xdp_program){
            .name = REPLIES_PROGRAM_NAME,
            .object = replies_object,
            .len = &replies_object_len,
        };
    return plan;
}

// Two testers on one machine must not share a prefix.
static int start_dpdk(const struct device_plan *device, uint32_t cpu)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "ntsperf-%d", (int)getpid());
    return eal_start(&(struct eal_plan){
        .prefix = prefix,
        .cores = &cpu,
        .n_cores = 1,
        .memory_mib = pool_memory_mib(device_queues_wanted(device)),
    });
}

// Takes the interface's lock and detaches the XDP program of a crashed tester. Both need root.
// Without root, the kernel reports an attached program when DPDK's driver tries to attach.
static int clear_interface(struct tester_port *port, const struct device_plan *plan)
{
    if (plan->kind != PORT_INTERFACE || geteuid() != 0)
        return 0;
    port->lock = interface_lock(plan->device, "ntsperf", INTERFACE_LOCK_WAIT_MS);
    if (port->lock == -ENODEV)
        return 0; // device_open says so
    return port->lock < 0 ? port->lock : xdp_sweep(plan->device, plan->program.name, NULL);
}

static int find_rule(struct tester_port *port)
{
    static const char *const name[] = {REPLIES_RULE_NAME};
    if (port->device.plan.kind != PORT_INTERFACE)
        return 0;
    int fault = xdp_maps_find(port->device.interface.index, name, 1, &port->rule);
    if (fault)
        log_error("%s: cannot find the XDP program's map: %s", port->name, strerror(-fault));
    return fault;
}

static int make_queues(struct tester_port *port)
{
    uint32_t n = port->device.n_queues;
    port->queue = calloc(n, sizeof *port->queue);
    if (!port->queue)
        return -ENOMEM;
    port->n_queues = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct ethdev *queue = port->device.queue[i];
        port->queue[i] = (struct frames_queue){
            .device = queue->device, .number = queue->queue, .pool = queue->pool};
    }
    return 0;
}

static void close_device(struct tester_port *port, bool started)
{
    for (uint32_t i = 0; i < port->n_queues; i++)
        frames_empty(&port->queue[i]);
    bool closed = device_close(&port->device);
    if (started && closed)
        eal_stop();
    if (port->lock >= 0)
        close(port->lock);
    free(port->queue);
    free(port->name);
    free(port);
}

int tester_port_open(const char *device, bool is_interface, uint32_t cpu, struct tester_port **out)
{
    struct tester_port *port = calloc(1, sizeof *port);
    if (!port)
        return -ENOMEM;
    port->lock = -1;
    port->name = strdup(device);
    if (!port->name) {
        free(port);
        return -ENOMEM;
    }
    struct device_plan plan = plan_of(port, is_interface);
    int fault = start_dpdk(&plan, cpu);
    if (!fault)
        fault = clear_interface(port, &plan);
    if (!fault)
        fault = device_open(&port->device, &plan);
    if (!fault)
        fault = find_rule(port);
    if (!fault)
        fault = make_queues(port);
    foreign_log_release();
    if (fault) {
        close_device(port, false);
        return fault;
    }
    *out = port;
    return 0;
}

int tester_port_take(const struct tester_port *port, const struct replies_rule *rule)
{
    const uint32_t zero = 0;
    if (port->device.plan.kind != PORT_INTERFACE ||
        bpf_map_update_elem(port->rule, &zero, rule, BPF_ANY) == 0)
        return 0;
    int fault = -errno;
    log_error("%s: cannot set the rule of the XDP program: %s", port->name, strerror(-fault));
    return fault;
}

struct frames_queue *tester_port_queues(struct tester_port *port, uint32_t *n)
{
    *n = port->n_queues;
    return port->queue;
}

bool tester_port_link_up(const struct tester_port *port)
{
    return device_link_up(&port->device);
}

void tester_port_mac(const struct tester_port *port, uint8_t mac[6])
{
    device_mac(&port->device, mac);
}

const char *tester_port_driver(const struct tester_port *port)
{
    return device_driver(&port->device);
}

uint64_t tester_port_missed(const struct tester_port *port)
{
    return device_missed(&port->device);
}

int tester_port_thread_enter(void)
{
    return eal_thread_enter();
}

void tester_port_close(struct tester_port *port)
{
    if (port)
        close_device(port, true);
}
