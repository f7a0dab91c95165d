// port.h over the kinds of ports: one indirect call for a burst.
#include "dataplane/port/port.h"

#include "dataplane/port/calls.h"

lane_set port_rx(struct port *port, struct burst *burst)
{
    return port->calls->rx(port, burst);
}

lane_set port_tx(struct port *port, struct burst *burst, lane_set answer)
{
    return port->calls->tx(port, burst, answer);
}

void port_drop(struct port *port, struct burst *burst, lane_set drop)
{
    port->calls->drop(port, burst, drop);
}

int port_descriptor(const struct port *port)
{
    return port->descriptor;
}

const struct address_set *port_addresses(const struct port *port)
{
    return port->addresses;
}
