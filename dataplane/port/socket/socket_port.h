// A UDP address as a port: one socket of the kernel for each core. The kernel distributes the
// datagrams among them by addresses and ports (SO_REUSEPORT). The supervisor opens the sockets,
// sets the guard sockets' filter on them, and keeps a descriptor of each. Housekeeping's thread.
#pragma once

#include "base/bounds.h"
#include "dataplane/port/socket/udp_queue.h"

#include <stdint.h>
#include <sys/socket.h>

struct socket_port {
    uint32_t n_queues;
    struct udp_queue *queue[SOCKETS_MAX];
};

// Opens the n sockets from that descriptor on. keeps: the first of them keeps *known up to date,
// which is on the board; the others begin with it. 0 or -errno, not logged; then nothing is left
// open.
int socket_port_open(struct socket_port *port, int first, uint32_t n, struct wall_offset *known,
                     bool keeps);

// No core uses its queues. The sockets stay open. Accepts a zeroed one.
void socket_port_close(struct socket_port *port);

// Datagrams that no core has seen: the kernel discarded them, because they were no requests or
// because the socket was full, or they had waited too long.
uint64_t socket_port_missed(const struct socket_port *port);

// The address of such a port as octets, IPv4 as ::ffff:0:0/96. Pure.
void socket_port_address(const struct sockaddr_storage *endpoint, uint8_t address[16]);
