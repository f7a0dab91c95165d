// The interface of this room for the loop and housekeeping: the ports as the configuration names
// them, and DPDK where one of them needs it. port.h moves packets; this opens, watches and closes
// ports.
//
// One thread opens, watches and closes (housekeeping's, which is the process's first). The cores
// only use their own struct port, between ports_thread_enter and ports_thread_leave.
#pragma once

#include "board/board.h"
#include "config/config.h"
#include "dataplane/port/clock.h"
#include "dataplane/port/port.h"
#include "dataplane/wire/udp_ports.h"

struct ports;

// Starts all ports of the configuration, and before them DPDK if one is a device of DPDK's; nothing
// is steered to them yet. At a later start
// (board->starts) an interface that is missing or blocked is left out, so that the other ports
// serve. Logs one line with the mend on failure. 0 or -errno, and then nothing is left behind but
// DPDK itself: the process must end.
//
// first_socket: the descriptors of the ports that are sockets begin there, config_sockets_each() of
// each; they stay the caller's. phc: for each port of the configuration an open PTP clock of its
// device, or -1; they outlive the ports. NULL: there are none.
int ports_open(const struct config *config, int first_socket, const int *phc,
               struct board_dataplane *board, struct ports **ports);

uint32_t ports_n_open(const struct ports *ports);

// Can any port tell when a reply left (port_departures)?
bool ports_tell_departures(const struct ports *ports);

// The clock of the device of port i, in the order of the configuration; NULL: it has none, and its
// frames bear stamps of the kernel's or none.
const struct port_clock *ports_clock(const struct ports *ports, uint32_t i);

// Lets packets to those UDP ports in: fills the maps of the interfaces' programs. ports_follow
// keeps the ports. 0 or -errno, logged.
int ports_steer(struct ports *ports, struct udp_ports udp);

// The queues that the core with that index polls: sets *queues to an array, which lives as long as
// ports, and returns its length.
uint32_t ports_of_core(const struct ports *ports, uint32_t core, struct port *const **queues);

// DPDK, if it runs, must know each thread that moves packets, and knows the one that opened the
// ports. 0 or -errno.
int ports_thread_enter(void);
void ports_thread_leave(void);

// Writes what the ports are to the board, and what changes with time: link, frames missed.
// ports_refresh, once a second, holds what was opened against the kernel. False, logged: a port is
// not what it was, or one that was left out can be opened: the process must be started again.
void ports_show(struct ports *ports, struct board_dataplane *board);
bool ports_refresh(struct ports *ports, struct board_dataplane *board);

// A descriptor that is readable when the kernel's addresses have changed; the caller then calls
// ports_follow. -1 when no port follows the kernel.
int ports_watch(const struct ports *ports);
void ports_follow(struct ports *ports);

// Stops and closes all ports: programs detached, sockets removed. No core uses them any more. Takes
// NULL.
void ports_close(struct ports *ports);

// Ends DPDK, if it runs. The last call.
void ports_end(void);

// Does DPDK run?
bool ports_with_dpdk(void);

const char *ports_dpdk_version(void);
const char *ports_memory(void);
