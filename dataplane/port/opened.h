// One port of the configuration, from its opening on: its device, what is steered to it, what the
// board shows of it. Housekeeping's thread.
#pragma once

#include "board/board.h"
#include "config/config.h"
#include "dataplane/port/eal/device.h"
#include "dataplane/port/xdp/addresses.h"
#include "dataplane/port/xdp/steering.h"

struct opened {
    const struct config_port *config;
    struct device device;
    struct steering steering;     // PORT_INTERFACE
    struct address_set addresses; // PORT_VDEV: what its queues answer for
    uint32_t not_steered;         // addresses that the program has no room for
    bool loses_tags;              // said: VLANs stand on it, and it takes the tags off
    bool other_mac;               // said: interfaces with other MAC addresses stand on it
    bool stale;                   // the kernel's addresses could not be read: to be tried again
    enum board_port_state state;  // not BOARD_PORT_OPEN: left out, the device is empty
    uint32_t program;             // id of its XDP program
};

// Room for what is read of the kernel before the program is told: too large for a stack.
struct opened_room {
    struct links links;
    struct address_list list;
};

// Does it follow the kernel's addresses and interfaces?
bool opened_follows_kernel(const struct opened *opened);

// Opens the port, and sets the MAC address of `addresses`. At a later start (not the first) an
// interface that is missing or blocked is left out: state says so. Writes the program's id to the
// board. 0 or -errno, logged.
int opened_open(struct opened *opened, const struct device_plan *plan, struct board_port *port,
                bool first);

// Steers that UDP port of its addresses to it; nothing is to do but on an open interface. 0 or
// -errno, logged, but for -EAGAIN: opened_refresh tries again.
int opened_steer(struct opened *opened, uint16_t udp_port, struct opened_room *room);

// Writes what the port is to the board.
void opened_show(const struct opened *opened, struct board_port *port);

// Looks at the port again and writes to the board what has changed. False, logged: it must, or now
// can, be opened anew.
bool opened_refresh(struct opened *opened, struct board_port *port, uint16_t udp_port,
                    struct opened_room *room);

// Closes the port. False when its device was left open: see device_close.
bool opened_close(struct opened *opened);
