// A port looked at again: whether its interface can be opened, and whether it is still what was
// opened. The kernel tells both without any right. Housekeeping's thread.
#pragma once

#include "board/board.h"
#include "dataplane/port/eal/device.h"

// Whether the interface can be opened: BOARD_PORT_OPEN, or _MISSING, or _BLOCKED by the program
// that the sweep found there and wrote to the board.
enum board_port_state look_before(const char *name, const struct board_port *port);

// Is the open device still what the kernel has, and its program the one of that id; is a memif
// server's socket still there? False, logged: it must be opened anew.
bool look_same(const struct device *device, uint32_t program);
