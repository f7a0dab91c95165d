#include "dataplane/port/opened.h"

#include "base/bytes.h"
#include "base/log.h"
#include "dataplane/port/calls.h"
#include "dataplane/port/look.h"
#include "dataplane/port/xdp/exact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool opened_follows_kernel(const struct opened *opened)
{
    return opened->config->kind == PORT_INTERFACE;
}

static bool is_interface(const struct opened *opened)
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

bool opened_tells_departures(const struct opened *opened)
{
    return opened_n_queues(opened) > 0 && opened_queue(opened, 0)->exact != NULL;
}

// What stamps departures, for status.
static const char *departures_word(const struct opened *opened)
{
    if (!opened_tells_departures(opened))
        return "predicted";
    return exact_is_hardware(opened_queue(opened, 0)->exact) ? "device" : "kernel";
}

static bool is_socket(const struct opened *opened)
{
    return opened->config->kind == PORT_SOCKET;
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
    if (is_socket(opened))
        return open_socket(opened, plan);
    if (!is_interface(opened))
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
    if (is_socket(opened))
        return opened->socket.n_queues;
    return is_interface(opened) ? opened->interface.n_queues : opened->device.n_queues;
}

struct port *opened_queue(const struct opened *opened, uint32_t i)
{
    if (is_socket(opened))
        return udp_queue_port(opened->socket.queue[i]);
    return is_interface(opened) ? &opened->interface.queue[i]->port
                                : &opened->device.queue[i]->port;
}

const struct port_clock *opened_clock(const struct opened *opened)
{
    if (is_socket(opened))
        return NULL;
    if (!is_interface(opened))
        return opened->device.has_clock ? &opened->device.clock.port : NULL;
    return opened->has_clock ? &opened->clock.clock : NULL;
}

void opened_set_line(const struct opened *opened, const struct snapshot *line)
{
    for (uint32_t i = 0; i < opened_n_queues(opened); i++)
        opened_queue(opened, i)->line = line;
}

static bool program_stamps(const struct opened *opened)
{
    return is_interface(opened) && steering_programs[0].stamps;
}

const char *opened_arrival(const struct opened *opened)
{
    if (is_socket(opened))
        return "the kernel stamps each request as it arrives";
    if (program_stamps(opened))
        return "the XDP program stamps each request as it arrives";
    return opened_clock(opened)
               ? "its driver stamps requests; they count as arrived when a core looks, until the "
                 "stamps have shown which clock they are from"
               : "requests bear no stamp and count as arrived when a core looks";
}

static const char *stamped_by(const struct opened *opened)
{
    if (is_socket(opened))
        return "kernel";
    return program_stamps(opened) ? "XDP program" : "poll";
}

static const char *driver_of(const struct opened *opened)
{
    if (is_socket(opened))
        return "kernel socket";
    return is_interface(opened) ? opened->interface.interface.driver
                                : device_driver(&opened->device);
}

static void mac_of(const struct opened *opened, uint8_t mac[6])
{
    memset(mac, 0, 6); // a socket has none
    if (is_interface(opened))
        memcpy(mac, opened->interface.interface.mac, 6);
    else if (!is_socket(opened))
        device_mac(&opened->device, mac);
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

int opened_steer(struct opened *opened, uint16_t udp_port, struct opened_room *room)
{
    static struct log_limit limit;
    const unsigned ifindex = opened->interface.interface.index;
    uint32_t left_out;
    if (!is_interface(opened) || opened->state != BOARD_PORT_OPEN)
        return 0;
    int fault = links_read(ifindex, &room->links);
    if (!fault)
        fault = addresses_local(ifindex, opened->config, &room->links, &room->list);
    if (!fault)
        fault = steering_set(&opened->steering, udp_port, room->links.mac, &room->list, &left_out);
    opened->stale = fault != 0;
    if (!fault) {
        say_not_steered(opened, left_out);
        opened->not_steered = left_out;
        say_links(opened, &room->links);
    }
    if (fault && fault != -EAGAIN)
        log_limited(&limit, LOG_LEVEL_ERROR,
                    "%s: cannot set the addresses that are steered: %s; a running server tries "
                    "it again each second",
                    opened->config->device, strerror(-fault));
    return fault;
}

static bool link_up(const struct opened *opened)
{
    if (is_socket(opened))
        return true;
    return is_interface(opened) ? interface_link_up(opened->config->device)
                                : device_link_up(&opened->device);
}

static void show_open(const struct opened *opened, struct board_port *port)
{
    const bool interface = is_interface(opened);
    const struct xdp_port *xdp = &opened->interface;
    snprintf(port->driver, sizeof port->driver, "%s", driver_of(opened));
    snprintf(port->mode, sizeof port->mode, "%s", interface ? xdp_port_mode(xdp) : "");
    snprintf(port->stamps, sizeof port->stamps, "%s", stamped_by(opened));
    const struct port_clock *clock = opened_clock(opened);
    snprintf(port->clock, sizeof port->clock, "%s", clock ? clock->name : "");
    snprintf(port->departures, sizeof port->departures, "%s", departures_word(opened));
    port->queues = opened_n_queues(opened);
    mac_of(opened, port->mac);
    atomic_store_explicit(&port->link_up, link_up(opened), memory_order_relaxed);
}

void opened_forget(struct board_port *port)
{
    atomic_store_explicit(&port->state, BOARD_PORT_CLOSED, memory_order_relaxed);
    atomic_store_explicit(&port->link_up, 0, memory_order_relaxed);
    atomic_store_explicit(&port->program, 0, memory_order_relaxed);
}

static void show_left_out(struct board_port *port)
{
    port->driver[0] = port->mode[0] = port->stamps[0] = port->departures[0] = port->clock[0] = '\0';
    port->queues = 0;
    memset(port->mac, 0, sizeof port->mac);
    atomic_store_explicit(&port->link_up, 0, memory_order_relaxed);
    atomic_store_explicit(&port->not_steered, 0, memory_order_relaxed);
}

void opened_show(const struct opened *opened, struct board_port *port)
{
    snprintf(port->name, sizeof port->name, "%s", opened->config->device);
    if (opened->state == BOARD_PORT_OPEN)
        show_open(opened, port);
    else
        show_left_out(port);
    atomic_store_explicit(&port->program, opened->program, memory_order_relaxed);
    atomic_store_explicit(&port->state, opened->state, memory_order_relaxed);
}

// What the cores have counted of its queues.
struct sums {
    uint64_t stamped, unstamped, starved, hardware, believed;
};

static struct sums add_queues(const struct opened *opened)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < opened_n_queues(opened); i++) {
        const struct port *queue = opened_queue(opened, i);
        sums.stamped += atomic_load_explicit(&queue->stamped, memory_order_relaxed);
        sums.unstamped += atomic_load_explicit(&queue->unstamped, memory_order_relaxed);
        sums.hardware += atomic_load_explicit(&queue->hardware, memory_order_relaxed);
        sums.believed += atomic_load_explicit(&queue->believed, memory_order_relaxed);
        sums.starved += atomic_load_explicit(&queue->starved, memory_order_relaxed);
    }
    return sums;
}

static void refresh_stamps(const struct opened *opened, const struct sums *sums,
                           struct board_port *port)
{
    static struct log_limit limit;
    const uint64_t before =
        atomic_exchange_explicit(&port->unstamped, sums->unstamped, memory_order_relaxed);
    atomic_store_explicit(&port->stamped, sums->stamped, memory_order_relaxed);
    atomic_store_explicit(&port->hardware, sums->hardware, memory_order_relaxed);
    atomic_store_explicit(&port->believed, sums->believed, memory_order_relaxed);
    if (sums->unstamped > before && !is_socket(opened)) // a socket's: a step of the clock
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "%s: %" PRIu64
                    " frames came without a stamp: the device leaves no room for it, "
                    "and they count as arrived when a core looked",
                    opened->config->device, sums->unstamped - before);
}

static void refresh_lost(const struct opened *opened, struct board_port *port)
{
    struct socket_counts lost = {0};
    if (is_interface(opened))
        lost = xdp_port_counts(&opened->interface);
    else if (is_socket(opened))
        lost.dropped = socket_port_missed(&opened->socket);
    else
        lost.dropped = device_missed(&opened->device);
    atomic_store_explicit(&port->rx_missed, lost.dropped + lost.ring_full, memory_order_relaxed);
    atomic_store_explicit(&port->rx_ring_full, lost.ring_full, memory_order_relaxed);
    atomic_store_explicit(&port->fill_ring_empty, lost.fill_empty, memory_order_relaxed);
}

static void refresh_open(struct opened *opened, struct board_port *port)
{
    static struct log_limit limit;
    const char *name = opened->config->device;
    const struct sums sums = add_queues(opened);
    const uint32_t up = link_up(opened);
    if (up != atomic_exchange_explicit(&port->link_up, up, memory_order_relaxed))
        log_info("%s: the link is %s", name, up ? "up" : "down");
    atomic_store_explicit(&port->not_steered, opened->not_steered, memory_order_relaxed);
    refresh_lost(opened, port);
    refresh_stamps(opened, &sums, port);
    if (sums.starved != opened->starved)
        log_limited(&limit, LOG_LEVEL_WARNING, "%s: out of packet buffers", name);
    opened->starved = sums.starved;
}

// Is the port as it was opened, or still to be left out? False, logged: it can be opened anew.
static bool look_again(struct opened *opened, struct board_port *port)
{
    const char *name = opened->config->device;
    if (is_socket(opened))
        return true;
    if (opened->state == BOARD_PORT_OPEN)
        return is_interface(opened) ? look_interface(name, &opened->interface) : look_vdev(name);
    opened->state = look_before(name, &opened->program);
    atomic_store_explicit(&port->program, opened->program, memory_order_relaxed);
    if (opened->state == BOARD_PORT_OPEN) {
        log_info("%s: it can be opened again", name);
        return false;
    }
    atomic_store_explicit(&port->state, opened->state, memory_order_relaxed);
    return true;
}

bool opened_refresh(struct opened *opened, struct board_port *port, uint16_t udp_port,
                    struct opened_room *room)
{
    if (!look_again(opened, port))
        return false;
    if (opened->stale)
        opened_steer(opened, udp_port, room);
    if (opened->state == BOARD_PORT_OPEN)
        refresh_open(opened, port);
    return true;
}
