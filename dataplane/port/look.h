// A port looked at again: whether its interface can be opened, and whether it is still what was
// opened. The kernel tells both without any right. Housekeeping's thread.
#pragma once

#include "board/board.h"
#include "dataplane/port/xdp/xdp_port.h"

#include <stdint.h>

// Whether the interface can be opened: BOARD_PORT_OPEN, or _MISSING, or _BLOCKED by the XDP program
// that *program becomes the id of (0: none).
enum board_port_state look_before(const char *name, uint32_t *program);

// Is the open interface still what the kernel has? False, logged: it must be opened anew.
bool look_interface(const char *name, const struct xdp_port *port);

// Is a memif server's socket still there? False, logged: it must be opened anew.
bool look_vdev(const char *name);
