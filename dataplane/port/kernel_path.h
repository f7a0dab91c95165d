// The kernel's path: requests that the kernel delivers to the NTP ports, because no port took them
// from the wire. They come from this host itself, to loopback or to an address that only a local
// route makes local, with IP options or in fragments, through interfaces that are not served, or
// while a dataplane is started again. The guard sockets hold them (supervisor/guard_socket.h); here
// they become ports.
//
// Housekeeping's thread opens and closes it; one thread that does not poll moves the packets.
#pragma once

#include "board/board.h"
#include "config/config.h"
#include "dataplane/port/port.h"

struct kernel_path;

// The ports of the guard sockets (-1: none). When each port of the configuration
// names its addresses, only those are answered for. 0 or -errno, and then nothing is left behind.
int kernel_path_open(const struct config *config, const int guard[GUARDS_MAX],
                     struct board_dataplane *board, struct kernel_path **path);

// Its ports: sets *queues to an array, which lives as long as the path, and returns its length.
uint32_t kernel_path_queues(const struct kernel_path *path, struct port *const **queues);

// No thread uses its ports any more. Accepts NULL.
void kernel_path_close(struct kernel_path *path);
