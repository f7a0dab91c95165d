// What a port shows of itself, and what its queues have counted.
#include "dataplane/port/opened.h"

#include "base/log.h"
#include "dataplane/port/calls.h"
#include "dataplane/port/xdp/exact.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool program_stamps(const struct opened *opened)
{
    return opened_is_interface(opened) && steering_programs[0].stamps;
}

const char *opened_arrival(const struct opened *opened)
{
    if (opened_is_socket(opened))
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
    if (opened_is_socket(opened))
        return "kernel";
    return program_stamps(opened) ? "XDP program" : "poll";
}

static const char *driver_of(const struct opened *opened)
{
    if (opened_is_socket(opened))
        return "kernel socket";
    return opened_is_interface(opened) ? opened->interface.interface.driver
                                       : device_driver(&opened->device);
}

static void mac_of(const struct opened *opened, uint8_t mac[6])
{
    memset(mac, 0, 6); // a socket has none
    if (opened_is_interface(opened))
        memcpy(mac, opened->interface.interface.mac, 6);
    else if (!opened_is_socket(opened))
        device_mac(&opened->device, mac);
}

// What stamps departures beside the metadata of AF_XDP frames, for status.
static const char *departures_word(const struct opened *opened)
{
    if (opened_n_queues(opened) == 0)
        return "predicted";
    const struct exact *exact = opened_queue(opened, 0)->exact;
    return exact == NULL ? "predicted" : exact_is_hardware(exact) ? "device" : "kernel";
}

static bool link_up(const struct opened *opened)
{
    if (opened_is_socket(opened))
        return true;
    return opened_is_interface(opened) ? interface_link_up(opened->config->device)
                                       : device_link_up(&opened->device);
}

static void show_open(const struct opened *opened, struct board_port *port)
{
    const bool interface = opened_is_interface(opened);
    const struct xdp_port *xdp = &opened->interface;
    snprintf(port->driver, sizeof port->driver, "%s", driver_of(opened));
    snprintf(port->mode, sizeof port->mode, "%s", interface ? xdp_port_mode(xdp) : "");
    snprintf(port->stamps, sizeof port->stamps, "%s", stamped_by(opened));
    const struct port_clock *clock = opened_clock(opened);
    snprintf(port->clock, sizeof port->clock, "%s", clock ? clock->name : "");
    snprintf(port->departures, sizeof port->departures, "%s", departures_word(opened));
    port->queues = opened_n_queues(opened);
    port->smears = opened->config->leap == PORT_SMEARS;
    mac_of(opened, port->mac);
    atomic_store_explicit(&port->link_up, link_up(opened), memory_order_relaxed);
}

void opened_forget(struct board_port *port)
{
    atomic_store_explicit(&port->state, BOARD_PORT_CLOSED, memory_order_relaxed);
    atomic_store_explicit(&port->link_up, 0, memory_order_relaxed);
    atomic_store_explicit(&port->program, 0, memory_order_relaxed);
    atomic_store_explicit(&port->by_metadata, 0, memory_order_relaxed);
    atomic_store_explicit(&port->launch, BOARD_LAUNCH_NONE, memory_order_relaxed);
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
    opened_show_addresses(opened, port);
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
    if (sums->unstamped > before && !opened_is_socket(opened)) // a socket's: a step of the clock
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "%s: %" PRIu64
                    " frames came without a stamp: the device leaves no room for it, "
                    "and they count as arrived when a core looked",
                    opened->config->device, sums->unstamped - before);
}

// Every frame of an interface or a socket has a stamp or lacks one.
static void refresh_received(const struct opened *opened, const struct sums *sums,
                             struct board_port *port)
{
    const bool is_device = !opened_is_interface(opened) && !opened_is_socket(opened);
    atomic_store_explicit(&port->received,
                          is_device ? device_received(&opened->device)
                                    : sums->stamped + sums->unstamped,
                          memory_order_relaxed);
}

// The queue that is farthest from the launch times' use counts.
static enum board_launch launch_of(const struct opened *opened)
{
    static const enum board_launch is[] = {
        [PORT_LAUNCH_NONE] = BOARD_LAUNCH_NONE,
        [PORT_LAUNCH_TRIED] = BOARD_LAUNCH_TRIED,
        [PORT_LAUNCH_USED] = BOARD_LAUNCH_USED,
        [PORT_LAUNCH_REFUSED] = BOARD_LAUNCH_REFUSED,
    };
    static const unsigned near[BOARD_LAUNCHES] = {
        [BOARD_LAUNCH_NONE] = 3, [BOARD_LAUNCH_USED] = 2, [BOARD_LAUNCH_TRIED] = 1};
    enum board_launch all = BOARD_LAUNCH_NONE;
    for (uint32_t i = 0; i < opened_n_queues(opened); i++) {
        const uint32_t launch =
            atomic_load_explicit(&opened_queue(opened, i)->launch, memory_order_relaxed);
        if (near[is[launch]] < near[all])
            all = is[launch];
    }
    return all;
}

// What has become of the device's promises (tx_features.h).
static void refresh_metadata(const struct opened *opened, struct board_port *port)
{
    const char *name = opened->config->device;
    const uint32_t tells = opened_tells_by_metadata(opened);
    const enum board_launch launch = launch_of(opened);
    if (atomic_exchange_explicit(&port->by_metadata, tells, memory_order_relaxed) > tells)
        log_warning("%s: the stamps that its driver gives AF_XDP frames as they leave are no "
                    "readings of its clock, or never come: they are not used until the next start",
                    name);
    const uint32_t before = atomic_exchange_explicit(&port->launch, launch, memory_order_relaxed);
    if (launch == before)
        return;
    if (launch == BOARD_LAUNCH_USED)
        log_info("%s: its device lets replies go at the time that they tell", name);
    if (launch == BOARD_LAUNCH_REFUSED)
        log_warning("%s: its device does not keep launch times: the server waits in its place; "
                    "'tc qdisc' of type etf switches them on with some drivers "
                    "(docs/hardware-timestamps.md)",
                    name);
}

static void refresh_lost(const struct opened *opened, struct board_port *port)
{
    struct socket_counts lost = {0};
    if (opened_is_interface(opened))
        lost = xdp_port_counts(&opened->interface);
    else if (opened_is_socket(opened))
        lost.dropped = socket_port_missed(&opened->socket);
    else
        lost.dropped = device_missed(&opened->device);
    atomic_store_explicit(&port->rx_missed, lost.dropped + lost.ring_full, memory_order_relaxed);
    atomic_store_explicit(&port->rx_ring_full, lost.ring_full, memory_order_relaxed);
    atomic_store_explicit(&port->fill_ring_empty, lost.fill_empty, memory_order_relaxed);
    atomic_store_explicit(&port->invalid, lost.invalid, memory_order_relaxed);
}

void opened_count(struct opened *opened, struct board_port *port)
{
    static struct log_limit limit;
    const char *name = opened->config->device;
    const struct sums sums = add_queues(opened);
    const uint32_t up = link_up(opened);
    if (up != atomic_exchange_explicit(&port->link_up, up, memory_order_relaxed))
        log_info("%s: the link is %s", name, up ? "up" : "down");
    atomic_store_explicit(&port->not_steered, opened->not_steered, memory_order_relaxed);
    opened_show_addresses(opened, port);
    refresh_lost(opened, port);
    refresh_received(opened, &sums, port);
    refresh_stamps(opened, &sums, port);
    refresh_metadata(opened, port);
    if (sums.starved != opened->starved)
        log_limited(&limit, LOG_LEVEL_WARNING, "%s: out of packet buffers", name);
    opened->starved = sums.starved;
}
