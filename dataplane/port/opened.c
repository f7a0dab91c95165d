#include "dataplane/port/opened.h"

#include "base/bytes.h"
#include "base/log.h"
#include "dataplane/port/calls.h"
#include "dataplane/port/look.h"
#include "dataplane/port/xdp/exact.h"
#include "dataplane/port/xdp/tx_features.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LAUNCH_GRAIN_NS = 256 };

bool opened_follows_kernel(const struct opened *opened)
{
    return opened->config->kind == PORT_INTERFACE;
}

static void say_left_out(const struct opened *opened)
{
    log_warning("%s: %s; it is not served until that changes", opened->config->device,
                opened->state == BOARD_PORT_MISSING ? "there is no such network interface"
                                                    : "another XDP program is in the way");
    if (opened->state == BOARD_PORT_BLOCKED)
        log_warning("%s: its XDP program has the id %u; 'ip link set dev %s xdp off' removes it, "
                    "unless a process holds it ('bpftool link' shows which)",
                    opened->config->device, opened->program, opened->config->device);
}

static void close_exact(const struct opened *opened)
{
    for (uint32_t i = 0; i < opened_n_queues(opened); i++) {
        struct port *queue = opened_queue(opened, i);
        exact_close(queue->exact);
        queue->exact = NULL;
    }
}

// Departures are told where the driver can; where not, clients get basic replies.
static void open_exact(const struct opened *opened)
{
    const char *name = opened->config->device;
    const enum exact_stamps stamps = opened_clock(opened) ? EXACT_HARDWARE : EXACT_SOFTWARE;
    int fault = 0;
    for (uint32_t i = 0; i < opened_n_queues(opened) && !fault; i++)
        fault =
            exact_open(opened->interface.interface.index, stamps, &opened_queue(opened, i)->exact);
    if (!fault)
        return;
    close_exact(opened);
    if (fault == -EOPNOTSUPP)
        log_info("%s: its driver stamps no departures: clients of interleaved mode get basic "
                 "replies",
                 name);
    else
        log_warning("%s: departures cannot be stamped: %s; clients of interleaved mode get basic "
                    "replies",
                    name, strerror(-fault));
}

// What the driver does with launch times between the units of its device: it rounds them down
// (stmmac, 256 ns), and a reply must not leave before its timestamp.
static uint64_t launch_grain(const struct opened *opened)
{
    return strcmp(opened->interface.interface.driver, "igc") == 0 ? 1 : LAUNCH_GRAIN_NS;
}

// Frames are sent with metadata where the driver stamps such frames, and the clock of the stamps is
// read. That needs no system call for each, and shows whether the device keeps launch times.
static void open_metadata(const struct opened *opened, const struct opened_plan *plan)
{
    const char *name = opened->config->device;
    const uint32_t features = opened->interface.tx_features;
    if (!opened->has_clock || (features & TX_FEATURE_STAMP) == 0)
        return;
    const struct queue_uses uses = {
        .tells = plan->tell_departures,
        .launches = plan->launch && (features & TX_FEATURE_LAUNCH) != 0,
        .launch_grain = launch_grain(opened),
    };
    for (uint32_t i = 0; i < opened_n_queues(opened); i++) {
        const int fault = queue_use_metadata(opened->interface.queue[i], &uses);
        if (fault)
            log_warning("%s: queue %u: the device's stamps of AF_XDP frames are not used: %s", name,
                        i, strerror(-fault));
    }
    log_info("%s: its driver announces that the device stamps AF_XDP frames as they leave%s; what "
             "its clock does not bear out is not used",
             name, uses.launches ? ", and lets them go at a time" : "");
}

bool opened_tells_by_metadata(const struct opened *opened)
{
    return opened_n_queues(opened) > 0 &&
           atomic_load_explicit(&opened_queue(opened, 0)->tells, memory_order_relaxed);
}

bool opened_tells_departures(const struct opened *opened)
{
    return opened_tells_by_metadata(opened) ||
           (opened_n_queues(opened) > 0 && opened_queue(opened, 0)->exact != NULL);
}

static int open_socket(struct opened *opened, const struct opened_plan *plan)
{
    int fault = socket_port_open(&opened->socket, plan->first_socket, plan->n_sockets, plan->offset,
                                 plan->keeps_offset);
    if (fault)
        log_error("%s: the supervisor's socket cannot be used: %s", opened->config->device,
                  strerror(-fault));
    return fault;
}

static int open_interface(struct opened *opened)
{
    int fault = xdp_port_open(&opened->interface, opened->config->device, steering_programs,
                              STEERING_PROGRAMS);
    if (fault)
        return fault;
    opened->program = opened->interface.attached.id;
    fault = steering_find(&opened->interface.attached, &opened->steering);
    if (fault)
        log_error("%s: the XDP program's maps cannot be found: %s", opened->config->device,
                  strerror(-fault));
    return fault;
}

// Without an XDP program it is the core that looks at the MAC address.
static void take_mac(struct opened *opened)
{
    uint8_t mac[8] = {0};
    device_mac(&opened->device, mac + 2);
    opened->addresses.mac = be64_get(mac);
}

static int open_vdev(struct opened *opened, const struct opened_plan *wanted)
{
    const struct device_plan plan = {
        .device = opened->config->device,
        .n_queues = wanted->n_queues,
        .addresses = &opened->addresses,
        .stamps = true,
        .launch = wanted->launch,
    };
    const int fault = device_open(&opened->device, &plan);
    if (!fault)
        take_mac(opened);
    return fault;
}

// The device's stamps are of use where both can be read, they and its clock.
static void open_clock(struct opened *opened, int phc)
{
    const struct attached *attached = &opened->interface.attached;
    const char *name = opened->config->device;
    if (!device_clock_open(&opened->clock, phc, attached))
        return;
    opened->has_clock = attached->program->own;
    for (uint32_t i = 0; i < opened_n_queues(opened); i++)
        opened_queue(opened, i)->clock = opened->has_clock;
    if (opened->has_clock)
        log_info("%s: its device has a clock, %s, and is asked for its own stamps", name,
                 opened->clock.name);
    else
        log_info("%s: its device has a clock, %s, but kernel and driver take no XDP program that "
                 "asks it for its stamps (Linux 6.3 can): the XDP program stamps",
                 name, opened->clock.name);
}

int opened_open(struct opened *opened, const struct opened_plan *plan, bool first)
{
    opened->state = BOARD_PORT_OPEN;
    if (opened_is_socket(opened))
        return open_socket(opened, plan);
    if (!opened_is_interface(opened))
        return open_vdev(opened, plan);
    if (!first)
        opened->state = look_before(opened->config->device, &opened->program);
    if (opened->state != BOARD_PORT_OPEN) {
        say_left_out(opened);
        return 0;
    }
    int fault = open_interface(opened);
    if (!fault)
        open_clock(opened, plan->phc);
    if (!fault)
        open_metadata(opened, plan);
    if (!fault && plan->tell_departures)
        open_exact(opened);
    return fault;
}

void opened_close(struct opened *opened)
{
    close_exact(opened);
    xdp_port_close(&opened->interface);
    device_close(&opened->device);
    socket_port_close(&opened->socket);
}

uint32_t opened_n_queues(const struct opened *opened)
{
    if (opened_is_socket(opened))
        return opened->socket.n_queues;
    return opened_is_interface(opened) ? opened->interface.n_queues : opened->device.n_queues;
}

struct port *opened_queue(const struct opened *opened, uint32_t i)
{
    if (opened_is_socket(opened))
        return udp_queue_port(opened->socket.queue[i]);
    return opened_is_interface(opened) ? &opened->interface.queue[i]->port
                                       : &opened->device.queue[i]->port;
}

const struct port_clock *opened_clock(const struct opened *opened)
{
    if (opened_is_socket(opened))
        return NULL;
    if (!opened_is_interface(opened))
        return opened->device.has_clock ? &opened->device.clock.port : NULL;
    return opened->has_clock ? &opened->clock.clock : NULL;
}

void opened_set_clocks(const struct opened *opened, const struct snapshot *line)
{
    for (uint32_t i = 0; i < opened_n_queues(opened); i++) {
        opened_queue(opened, i)->line = line;
        opened_queue(opened, i)->smears = opened->config->leap == PORT_SMEARS;
    }
}

// Warns once about interfaces on top of the port that keep requests from it: VLANs whose tags the
// device removes, and interfaces with another MAC address.
static void say_links(struct opened *opened, const struct links *links)
{
    const char *name = opened->config->device;
    struct interface now;
    const bool loses_tags = links->vlan_above && interface_look(name, &now) == 0 && now.takes_tags;
    if (loses_tags && !opened->loses_tags)
        log_warning("%s: VLAN interfaces stand on it, and it takes the tags off the frames: "
                    "requests in VLANs get no answer; 'ethtool -K %s rxvlan off' mends it",
                    name, name);
    if (links->other_mac && !opened->other_mac)
        log_warning("%s: an interface with another MAC address (a bridge, macvlan or VLAN) stands "
                    "on it: requests to that MAC address get no answer; 'ip link set dev NAME "
                    "address %02x:%02x:%02x:%02x:%02x:%02x' mends it",
                    name, links->mac[0], links->mac[1], links->mac[2], links->mac[3], links->mac[4],
                    links->mac[5]);
    opened->loses_tags = loses_tags;
    opened->other_mac = links->other_mac;
}

static void say_not_steered(const struct opened *opened, uint32_t n)
{
    static struct log_limit limit;
    if (n > opened->not_steered)
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "%s: %u local addresses are too many for the XDP program, which holds %u of a "
                    "family: requests to them get no answer; 'addresses' in the configuration may "
                    "name those to be served",
                    opened->config->device, n, (unsigned)STEER_ADDRESSES_MAX);
}

int opened_steer(struct opened *opened, struct udp_ports udp, struct opened_room *room)
{
    static struct log_limit limit;
    const unsigned ifindex = opened->interface.interface.index;
    uint32_t left_out;
    if (!opened_is_interface(opened) || opened->state != BOARD_PORT_OPEN)
        return 0;
    int fault = links_read(ifindex, &room->links);
    if (!fault)
        fault = addresses_local(ifindex, opened->config, &room->links, &room->list);
    if (!fault)
        fault = steering_set(&opened->steering, udp, room->links.mac, &room->list, &left_out);
    opened->stale = fault != 0;
    if (!fault) {
        say_not_steered(opened, left_out);
        opened->not_steered = left_out;
        opened_note_addresses(opened, &room->list);
        say_links(opened, &room->links);
    }
    if (fault && fault != -EAGAIN)
        log_limited(&limit, LOG_LEVEL_ERROR,
                    "%s: cannot set the addresses that are steered: %s; a running server tries "
                    "it again each second",
                    opened->config->device, strerror(-fault));
    return fault;
}

// Is the port as it was opened, or still to be left out? False, logged: it can be opened anew.
static bool look_again(struct opened *opened, struct board_port *port)
{
    const char *name = opened->config->device;
    if (opened_is_socket(opened))
        return true;
    if (opened->state == BOARD_PORT_OPEN)
        return opened_is_interface(opened) ? look_interface(name, &opened->interface)
                                           : look_vdev(name);
    opened->state = look_before(name, &opened->program);
    atomic_store_explicit(&port->program, opened->program, memory_order_relaxed);
    if (opened->state == BOARD_PORT_OPEN) {
        log_info("%s: it can be opened again", name);
        return false;
    }
    atomic_store_explicit(&port->state, opened->state, memory_order_relaxed);
    return true;
}

bool opened_refresh(struct opened *opened, struct board_port *port, struct udp_ports udp,
                    struct opened_room *room)
{
    if (!look_again(opened, port))
        return false;
    if (opened->stale)
        opened_steer(opened, udp, room);
    if (opened->state == BOARD_PORT_OPEN)
        opened_count(opened, port);
    return true;
}
