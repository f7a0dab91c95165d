#include "dataplane/port/opened.h"

#include "base/bytes.h"
#include "base/log.h"
#include "dataplane/port/look.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool opened_follows_kernel(const struct opened *opened)
{
    return opened->config->kind == PORT_INTERFACE;
}

// From here on the sweep knows the program as ours, should this process crash.
static void note_program(struct opened *opened, struct board_port *port)
{
    const unsigned index = opened->device.interface.index;
    if (xdp_program_id(index, &opened->program) != 0)
        opened->program = 0;
    atomic_store_explicit(&port->state, BOARD_PORT_CLOSED, memory_order_relaxed);
    atomic_store_explicit(&port->ifindex, index, memory_order_relaxed);
    atomic_store_explicit(&port->program, opened->program, memory_order_relaxed);
}

static void say_left_out(const struct opened *opened)
{
    log_warning("%s: %s; it is not served until that changes", opened->config->device,
                opened->state == BOARD_PORT_MISSING ? "there is no such network interface"
                                                    : "an XDP program is in the way");
}

static int open_interface(struct opened *opened, struct board_port *port)
{
    note_program(opened, port);
    int fault = steering_find(opened->device.interface.index, &opened->steering);
    note_program(opened, port); // it may be another one now
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

int opened_open(struct opened *opened, const struct device_plan *plan, struct board_port *port,
                bool first)
{
    opened->state = BOARD_PORT_OPEN;
    if (plan->kind == PORT_INTERFACE && !first)
        opened->state = look_before(plan->device, port);
    if (opened->state != BOARD_PORT_OPEN) {
        say_left_out(opened);
        return 0;
    }
    int fault = device_open(&opened->device, plan);
    if (!fault && plan->kind == PORT_INTERFACE)
        fault = open_interface(opened, port);
    else if (!fault)
        take_mac(opened);
    return fault;
}

// Says what of the interfaces that stand on the port keeps requests from it, when that is new.
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
    const unsigned ifindex = opened->device.interface.index;
    uint32_t left_out;
    if (opened->config->kind != PORT_INTERFACE || opened->state != BOARD_PORT_OPEN)
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

static void show_open(const struct device *device, struct board_port *port)
{
    bool interface = device->plan.kind == PORT_INTERFACE;
    snprintf(port->driver, sizeof port->driver, "%s", device_driver(device));
    snprintf(port->mode, sizeof port->mode, "%s",
             interface ? xdp_mode(device->interface.index) : "");
    snprintf(port->stamps, sizeof port->stamps, "%s",
             device_is_to_stamp(device) ? "XDP program" : "poll");
    port->queues = device->n_queues;
    device_mac(device, port->mac);
    atomic_store_explicit(&port->link_up, device_link_up(device), memory_order_relaxed);
}

static void show_left_out(struct board_port *port)
{
    port->driver[0] = port->mode[0] = port->stamps[0] = '\0';
    port->queues = 0;
    memset(port->mac, 0, sizeof port->mac);
    atomic_store_explicit(&port->link_up, 0, memory_order_relaxed);
    atomic_store_explicit(&port->not_steered, 0, memory_order_relaxed);
}

void opened_show(const struct opened *opened, struct board_port *port)
{
    snprintf(port->name, sizeof port->name, "%s", opened->config->device);
    if (opened->state == BOARD_PORT_OPEN)
        show_open(&opened->device, port);
    else
        show_left_out(port);
    atomic_store_explicit(&port->state, opened->state, memory_order_relaxed);
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
                    device->plan.device, stamps.unstamped - before);
}

static void refresh_open(struct opened *opened, struct board_port *port)
{
    static struct log_limit limit;
    struct device *device = &opened->device;
    uint32_t up = device_link_up(device);
    if (up != atomic_exchange_explicit(&port->link_up, up, memory_order_relaxed))
        log_info("%s: the link is %s", device->plan.device, up ? "up" : "down");
    atomic_store_explicit(&port->not_steered, opened->not_steered, memory_order_relaxed);
    atomic_store_explicit(&port->rx_missed, device_missed(device), memory_order_relaxed);
    refresh_stamps(device, port);
    if (device_starved(device))
        log_limited(&limit, LOG_LEVEL_WARNING, "%s: out of packet buffers", device->plan.device);
}

// Is the port as it was opened, or still to be left out? False, logged: it can be opened anew.
static bool look_again(const struct opened *opened, const struct board_port *port)
{
    if (opened->state == BOARD_PORT_OPEN)
        return look_same(&opened->device, opened->program);
    if (look_before(opened->config->device, port) != BOARD_PORT_OPEN)
        return true;
    log_info("%s: it can be opened again", opened->config->device);
    return false;
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

bool opened_close(struct opened *opened)
{
    const bool closed = device_close(&opened->device);
    steering_close(&opened->steering);
    return closed;
}
