#include "dataplane/port/xdp/xdp_port.h"

#include "base/log.h"
#include "dataplane/port/xdp/foreign_log.h"
#include "dataplane/port/xdp/refusal.h"
#include "dataplane/port/xdp/steer.h"
#include "dataplane/port/xdp/tx_features.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int attach(struct xdp_port *port, const char *name, const struct xdp_program *programs,
                  unsigned n)
{
    const int fault = attached_open(&port->attached, port->interface.index, programs, n);
    if (fault)
        refusal_of_program(name, &port->interface, fault);
    foreign_log_release();
    return fault;
}

// Zero copy is tried on the first queue, if the program runs in the driver. Busy polling a socket
// reaches the receive queue's interrupt alone, and the kernel then does not raise another one for
// the send queue: where they are split, replies would wait for the driver's watchdog, up to two
// seconds.
static int open_queue(struct xdp_port *port, uint32_t number)
{
    struct queue **queue = &port->queue[number];
    struct socket_plan plan = {
        .ifindex = port->interface.index,
        .queue = number,
        .copying = SOCKET_ZERO_COPY,
        .metadata = (port->tx_features & TX_FEATURE_STAMP) != 0,
    };
    int fault = -EOPNOTSUPP;
    if (port->zero_copy)
        fault = queue_open(&plan, queue);
    if (fault && fault != -EBUSY) {
        if (port->zero_copy)
            port->tx_features = tx_features_read(port->interface.index, false);
        port->zero_copy = false;
        plan.metadata = (port->tx_features & TX_FEATURE_STAMP) != 0;
        plan.copying = SOCKET_COPY;
        fault = queue_open(&plan, queue);
    }
    if (fault)
        return fault;
    port->n_queues++;
    if (!(*queue)->buffers.socket.metadata)
        port->tx_features = 0;
    const int map = attached_map(&port->attached, STEER_SOCKETS_NAME);
    return bpf_map_update_elem(map, &number, &(*queue)->buffers.socket.fd, BPF_ANY) == 0 ? 0
                                                                                         : -errno;
}

static int open_queues(struct xdp_port *port, const char *name)
{
    const struct interface *interface = &port->interface;
    if (interface->queues > interface->openable)
        log_warning("%s: packets may arrive on %u queues but only %u can be served; 'ethtool -L %s "
                    "rx %u' makes them equal",
                    name, interface->queues, interface->openable, name, interface->openable);
    port->queue = calloc(interface->openable, sizeof *port->queue);
    int fault = port->queue ? 0 : -ENOMEM;
    port->zero_copy = !port->attached.generic && !interface->split;
    port->tx_features = tx_features_read(interface->index, port->zero_copy);
    for (uint32_t i = 0; i < interface->openable && !fault; i++) {
        fault = open_queue(port, i);
        if (fault)
            refusal_of_socket(name, i, fault);
    }
    return fault;
}

int xdp_port_open(struct xdp_port *port, const char *name, const struct xdp_program *programs,
                  unsigned n)
{
    *port = (struct xdp_port){0};
    int fault = interface_look(name, &port->interface);
    if (fault) {
        log_error("%s: there is no such network interface; 'ip link' lists the interfaces", name);
        return fault;
    }
    fault = attach(port, name, programs, n);
    if (!fault)
        fault = open_queues(port, name);
    if (fault)
        xdp_port_close(port);
    else
        log_info("%s: %s, driver '%s', %u queue%s%s", name, xdp_port_mode(port),
                 port->interface.driver, port->n_queues, port->n_queues == 1 ? "" : "s",
                 port->queue[0]->buffers.socket.busy_poll ? ", busy polling" : "");
    return fault;
}

void xdp_port_close(struct xdp_port *port)
{
    attached_close(&port->attached); // first, so that no packet goes to a socket that is closed
    for (uint32_t i = 0; i < port->n_queues; i++)
        queue_close(port->queue[i]);
    free(port->queue);
    *port = (struct xdp_port){0};
}

const char *xdp_port_mode(const struct xdp_port *port)
{
    if (port->attached.generic)
        return "XDP generic, copy";
    return port->zero_copy ? "XDP native, zero copy" : "XDP native, copy";
}

struct socket_counts xdp_port_counts(const struct xdp_port *port)
{
    struct socket_counts sum = {0};
    for (uint32_t i = 0; i < port->n_queues; i++) {
        const struct socket_counts one = socket_counts(&port->queue[i]->buffers.socket);
        sum.dropped += one.dropped;
        sum.ring_full += one.ring_full;
        sum.fill_empty += one.fill_empty;
        sum.invalid += one.invalid;
    }
    return sum;
}

const char *xdp_port_change(const struct xdp_port *port, const char *name)
{
    struct interface now = {0};
    const int fault = interface_look(name, &now);
    if (fault && fault != -ENODEV)
        return NULL; // out of descriptors, perhaps: nothing is known
    const char *change = interface_change(&port->interface, &now);
    for (uint32_t i = 0; i < port->n_queues && !change; i++)
        if (socket_cut_off(&port->queue[i]->buffers.socket))
            change = "an AF_XDP socket was cut off from it";
    if (!change && !attached_still(&port->attached))
        change = "its XDP program was taken off";
    return change;
}
