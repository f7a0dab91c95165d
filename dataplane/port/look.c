#include "dataplane/port/look.h"

#include "base/log.h"
#include "dataplane/port/eal/vdev.h"

enum board_port_state look_before(const char *name, uint32_t *program)
{
    struct interface now;
    *program = 0;
    if (interface_look(name, &now) != 0)
        return BOARD_PORT_MISSING;
    if (xdp_program_id(now.index, program) != 0 || *program == 0)
        return BOARD_PORT_OPEN;
    return BOARD_PORT_BLOCKED;
}

bool look_interface(const char *name, const struct xdp_port *port)
{
    const char *change = xdp_port_change(port, name);
    if (change)
        log_warning("%s: %s; it will be opened anew", name, change);
    return change == NULL;
}

bool look_vdev(const char *name)
{
    if (!vdev_socket_gone(name))
        return true;
    log_warning("%s: its socket was removed; it will be opened anew", name);
    return false;
}
