#include "dataplane/port/socket/socket_port.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

int socket_port_open(struct socket_port *port, int first, uint32_t n, struct wall_offset *known,
                     bool keeps)
{
    *port = (struct socket_port){0};
    for (uint32_t i = 0; i < n; i++) {
        const struct udp_queue_setup setup = {
            .fd = first + (int)i, .known = known, .offset = keeps && i == 0 ? known : NULL};
        const int fault = udp_queue_open(&setup, &port->queue[i]);
        if (fault) {
            socket_port_close(port);
            return fault;
        }
        port->n_queues++;
    }
    return 0;
}

void socket_port_close(struct socket_port *port)
{
    for (uint32_t i = 0; i < port->n_queues; i++)
        udp_queue_close(port->queue[i]);
    *port = (struct socket_port){0};
}

uint64_t socket_port_missed(const struct socket_port *port)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < port->n_queues; i++)
        sum += udp_queue_missed(port->queue[i]);
    return sum;
}

void socket_port_address(const struct sockaddr_storage *endpoint, uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (endpoint->ss_family == AF_INET) {
        memcpy(address, mapped, sizeof mapped);
        memcpy(address + 12, &((const struct sockaddr_in *)(const void *)endpoint)->sin_addr, 4);
    } else {
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)endpoint)->sin6_addr, 16);
    }
}
