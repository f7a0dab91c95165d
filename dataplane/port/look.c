#include "dataplane/port/look.h"

#include "base/log.h"
#include "dataplane/port/eal/vdev.h"

#include <errno.h>

enum board_port_state look_before(const char *name, const struct board_port *port)
{
    struct interface now;
    uint32_t program = 0;
    if (interface_look(name, &now) != 0)
        return BOARD_PORT_MISSING;
    if (atomic_load_explicit(&port->state, memory_order_relaxed) != BOARD_PORT_BLOCKED ||
        atomic_load_explicit(&port->ifindex, memory_order_relaxed) != now.index)
        return BOARD_PORT_OPEN;
    // Another program than the one that was found may be one that the sweep can remove.
    const bool asked = xdp_program_id(now.index, &program) == 0;
    if (asked && program != atomic_load_explicit(&port->program, memory_order_relaxed))
        return BOARD_PORT_OPEN;
    return BOARD_PORT_BLOCKED;
}

static bool same_interface(const struct device *device, uint32_t program)
{
    const char *name = device->plan.device;
    struct interface now = {0};
    uint32_t attached = 0;
    int fault = interface_look(name, &now);
    if (fault && fault != -ENODEV)
        return true; // out of descriptors, perhaps: nothing is known
    const char *change = interface_change(&device->interface, &now);
    if (change) {
        log_warning("%s: %s; it will be opened anew", name, change);
        return false;
    }
    if (xdp_program_id(now.index, &attached) != 0 || attached == program)
        return true;
    if (attached == 0)
        log_warning("%s: its XDP program (id %u) was taken off; it will be attached again", name,
                    program);
    else
        log_warning("%s: another XDP program (id %u) stands in the place of the server's (id %u); "
                    "'ip link set dev %s xdp off' removes it",
                    name, attached, program, name);
    return false;
}

bool look_same(const struct device *device, uint32_t program)
{
    const char *name = device->plan.device;
    if (device->plan.kind == PORT_INTERFACE)
        return same_interface(device, program);
    if (!vdev_socket_gone(name))
        return true;
    log_warning("%s: its socket was removed; it will be opened anew", name);
    return false;
}
