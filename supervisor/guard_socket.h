// The UDP sockets on the NTP ports, which the supervisor opens and holds: those of ports that are
// sockets of the kernel, or else the guard sockets. The kernel then sends no ICMP for NTP, whether
// a dataplane runs or not, and no other time daemon can take the port. A filter lets in what can be
// a request, for the dataplane to read (dataplane/port/kernel_path.h); the kernel discards the rest
// and counts it. Requests wait in the socket while the dataplane is restarted. Single-threaded.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

// A UDP socket of that family on port at every address; an IPv6 one has no IPv4. key: the setting
// that names the port, for messages. answered: the
// filter lets requests in; otherwise it discards all. An address that is in use is tried again
// until deadline_ms on the monotonic clock (0: never), because children of a supervisor that was
// killed a moment ago may still hold it. Returns the descriptor, -EAFNOSUPPORT (not logged) or
// -errno, logged as one line that says what to do.
int guard_socket_open(int family, uint16_t port, const char *key, bool answered,
                      uint64_t deadline_ms);

// Opens a socket of a `socket:` port (dataplane.ports) at its address and that UDP port:
// dataplane.udp_port, which is in its name too, or nts_port. With the same filter. The first one of
// a UDP port must have its address alone; the others share the address with it, and the kernel
// distributes the datagrams among them. If the address is in use or absent, it tries again until
// the deadline. Returns the descriptor, or -errno, logged.
int port_socket_open(const struct config_port *port, uint16_t udp_port, bool first,
                     uint64_t deadline_ms);

// Is it an address that port_socket_open could bind, whoever holds its port? 0 or -errno, logged
// likewise; nothing is left open.
int port_socket_look(const struct config_port *port);

// Makes a bound socket that an earlier supervisor has opened into one of these: a guard socket, or
// that of a `socket:` port (shared). False: it is no such socket, or has another filter, or a child
// has joined it to a peer or an interface.
bool guard_socket_adopt(int fd, bool answered, bool shared);
