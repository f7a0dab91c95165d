// One port of the configuration, from its opening on: its device, what is steered to it, what the
// board shows of it. Housekeeping's thread.
#pragma once

#include "board/board.h"
#include "config/config.h"
#include "dataplane/port/clock.h"
#include "dataplane/port/eal/device.h"
#include "dataplane/port/socket/socket_port.h"
#include "dataplane/port/xdp/addresses.h"
#include "dataplane/port/xdp/device_clock.h"
#include "dataplane/port/xdp/steering.h"
#include "dataplane/port/xdp/xdp_port.h"
#include "dataplane/wire/udp_ports.h"

struct opened {
    const struct config_port *config;
    struct xdp_port interface; // PORT_INTERFACE
    struct steering steering;  // likewise
    struct device_clock clock; // likewise, if it has one
    bool has_clock;
    struct device device;          // PORT_VDEV
    struct address_set addresses;  // likewise: what its queues answer for
    struct socket_port socket;     // PORT_SOCKET
    uint32_t not_steered;          // addresses that the program has no room for
    struct board_addresses served; // PORT_INTERFACE: what is steered to it
    bool loses_tags;               // said: VLANs stand on it, and it takes the tags off
    bool other_mac;                // said: interfaces with other MAC addresses stand on it
    bool stale;                    // the kernel's addresses could not be read: to be tried again
    enum board_port_state state;   // not BOARD_PORT_OPEN: left out, the port is empty
    uint32_t program;              // id of its XDP program, or of the one in the way
    uint64_t starved;              // as seen last
};

// Room for what is read of the kernel before the program is told: too large for a stack.
struct opened_room {
    struct links links;
    struct address_list list;
};

static inline bool opened_is_interface(const struct opened *opened)
{
    return opened->config->kind == PORT_INTERFACE;
}

static inline bool opened_is_socket(const struct opened *opened)
{
    return opened->config->kind == PORT_SOCKET;
}

// Does it follow the kernel's addresses and interfaces?
bool opened_follows_kernel(const struct opened *opened);

struct opened_plan {
    uint32_t n_queues;    // of a vdev, at most
    bool tell_departures; // an interface's, where its driver can
    int first_socket;     // descriptor of the next port that is a socket
    uint32_t n_sockets;   // of each
    struct wall_offset *offset;
    bool keeps_offset; // the next one has it kept up to date
    int phc;           // an open PTP clock of an interface's device, or -1
    bool launch;       // the device sends replies at their time, where its driver can
};

// Opens the port, and sets the MAC address of `addresses` of a vdev. At a later
// start (not the first) an interface that is missing or blocked is left out: state says so. 0 or
// -errno, logged.
int opened_open(struct opened *opened, const struct opened_plan *plan, bool first);

// Closes what was opened of it. No core uses its queues.
void opened_close(struct opened *opened);

// Its queues.
uint32_t opened_n_queues(const struct opened *opened);
struct port *opened_queue(const struct opened *opened, uint32_t i);

// Can its queues tell when a reply left (port_departures)?
bool opened_tells_departures(const struct opened *opened);

// Do they ask for stamps by the metadata of AF_XDP frames?
bool opened_tells_by_metadata(const struct opened *opened);

// The clock of its device; NULL: it has none.
const struct port_clock *opened_clock(const struct opened *opened);

// Tells its queues where the line of that clock is published, and whether they smear.
void opened_set_clocks(const struct opened *opened, const struct snapshot *line);

// Steers those UDP ports of its addresses to it; nothing is to do but on an open interface. 0 or
// -errno, logged, but for -EAGAIN: opened_refresh tries again.
int opened_steer(struct opened *opened, struct udp_ports udp, struct opened_room *room);

// Looks at the port again and writes to the board what has changed. False, logged: it must, or now
// can, be opened anew.
bool opened_refresh(struct opened *opened, struct board_port *port, struct udp_ports udp,
                    struct opened_room *room);

// opened_show.c: what people see of it.

// How the arrival of its requests is known, for people.
const char *opened_arrival(const struct opened *opened);

// opened_addresses.c:

// Notes at which addresses of the list an interface is served.
void opened_note_addresses(struct opened *opened, const struct address_list *list);

// Writes to the board at which addresses the port is served, if that has changed.
void opened_show_addresses(const struct opened *opened, struct board_port *port);

// Writes what the port is to the board.
void opened_show(const struct opened *opened, struct board_port *port);

// Writes to the board that the port is not open, over what a dataplane that has died left there.
void opened_forget(struct board_port *port);

// Writes what an open port has counted, and whether its link is up, to the board.
void opened_count(struct opened *opened, struct board_port *port);
