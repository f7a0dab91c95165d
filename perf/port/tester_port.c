#include "perf/port/tester_port.h"

#include "base/log.h"
#include "dataplane/port/eal/device.h"
#include "dataplane/port/eal/eal.h"
#include "dataplane/port/eal/pool.h"
#include "dataplane/port/xdp/foreign_log.h"
#include "dataplane/port/xdp/xdp_port.h"
#include "link/interface_lock.h"
#include "perf/port/replies_object.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static_assert(sizeof REPLIES_PROGRAM_NAME <= 16 && sizeof REPLIES_RULE_NAME <= 16,
              "the kernel keeps 15 characters of a name");

struct tester_port {
    char *name;
    bool is_interface;
    struct xdp_port xdp;  // an interface
    struct device device; // a DPDK device
    int lock;             // descriptor of interface_lock, or negative
    uint32_t n_queues;
    struct frames_queue *queue;
};

static const struct xdp_program program = {
    .name = REPLIES_PROGRAM_NAME,
    .object = replies_object,
    .len = &replies_object_len,
};

// Two testers on one machine must not share a prefix.
static int start_dpdk(uint32_t cpu)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "ntsperf-%d", (int)getpid());
    return eal_start(&(struct eal_plan){
        .prefix = prefix,
        .cores = &cpu,
        .n_cores = 1,
        .memory_mib = pool_memory_mib(1),
    });
}

static int open_device(struct tester_port *port, uint32_t cpu)
{
    const struct device_plan plan = {.device = port->name, .n_queues = 1};
    int fault = start_dpdk(cpu);
    if (!fault)
        fault = device_open(&port->device, &plan);
    return fault;
}

// As DPDK does it for its devices: the thread that polls gets the CPU for itself, if there are
// others.
static void leave_cpu(uint32_t cpu)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        return;
    CPU_CLR(cpu, &cpus);
    if (CPU_COUNT(&cpus) > 0)
        sched_setaffinity(0, sizeof cpus, &cpus);
}

// The lock needs root. Without root, the kernel reports an attached program.
static int open_interface(struct tester_port *port, uint32_t cpu)
{
    foreign_log_route();
    if (geteuid() == 0)
        port->lock = interface_lock(port->name, "ntsperf", INTERFACE_LOCK_WAIT_MS);
    if (geteuid() == 0 && port->lock < 0 && port->lock != -ENODEV)
        return port->lock;
    leave_cpu(cpu);
    return xdp_port_open(&port->xdp, port->name, &program, 1);
}

static int make_queues(struct tester_port *port)
{
    const uint32_t n = port->is_interface ? port->xdp.n_queues : port->device.n_queues;
    port->queue = calloc(n, sizeof *port->queue);
    if (!port->queue)
        return -ENOMEM;
    port->n_queues = n;
    for (uint32_t i = 0; i < n; i++) {
        if (port->is_interface) {
            port->queue[i].xdp = &port->xdp.queue[i]->buffers;
            continue;
        }
        const struct ethdev *queue = port->device.queue[i];
        port->queue[i] = (struct frames_queue){
            .device = queue->device, .number = queue->queue, .pool = queue->pool};
    }
    return 0;
}

static void close_port(struct tester_port *port)
{
    for (uint32_t i = 0; i < port->n_queues; i++)
        frames_empty(&port->queue[i]);
    xdp_port_close(&port->xdp);
    device_close(&port->device);
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
    port->is_interface = is_interface;
    port->name = strdup(device);
    if (!port->name) {
        free(port);
        return -ENOMEM;
    }
    int fault = is_interface ? open_interface(port, cpu) : open_device(port, cpu);
    if (!fault)
        fault = make_queues(port);
    foreign_log_release();
    if (fault) {
        close_port(port);
        return fault;
    }
    *out = port;
    return 0;
}

int tester_port_take(const struct tester_port *port, const struct replies_rule *rule)
{
    const uint32_t zero = 0;
    if (!port->is_interface ||
        bpf_map_update_elem(attached_map(&port->xdp.attached, REPLIES_RULE_NAME), &zero, rule,
                            BPF_ANY) == 0)
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
    return port->is_interface ? interface_link_up(port->name) : device_link_up(&port->device);
}

void tester_port_mac(const struct tester_port *port, uint8_t mac[6])
{
    if (port->is_interface)
        memcpy(mac, port->xdp.interface.mac, 6);
    else
        device_mac(&port->device, mac);
}

const char *tester_port_driver(const struct tester_port *port)
{
    return port->is_interface ? "AF_XDP" : device_driver(&port->device);
}

uint64_t tester_port_missed(const struct tester_port *port)
{
    if (!port->is_interface)
        return device_missed(&port->device);
    const struct socket_counts lost = xdp_port_counts(&port->xdp);
    return lost.dropped + lost.ring_full;
}

int tester_port_thread_enter(void)
{
    return eal_thread_enter();
}

void tester_port_close(struct tester_port *port)
{
    if (port)
        close_port(port);
}
