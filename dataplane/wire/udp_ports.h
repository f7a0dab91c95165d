// The UDP ports on which NTP is served.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct udp_ports {
    uint16_t ntp; // all requests
    uint16_t nts; // requests with NTS alone; 0: there is no such port
};

static inline bool udp_ports_have(struct udp_ports ports, uint16_t port)
{
    return port == ports.ntp || (port == ports.nts && port != 0);
}
