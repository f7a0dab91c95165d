// The kernel's timestamps of UDP datagrams: the times of departure and arrival by CLOCK_REALTIME
// (SO_TIMESTAMPING, software). The stamp of departure is taken before the driver passes the
// datagram to its receiver; the stamp of arrival, when a device hands the datagram to the kernel.
// So a server on the same machine receives the request after the first stamp, and sends its reply
// before the second.
//
// A struct stamps belongs to the thread of its path.
#pragma once

#include "perf/path/path.h"

struct stamps;

// For sockets numbered from 0 to n - 1 that are connected to a server's UDP port. 0 or -errno.
int stamps_open(uint32_t n, uint16_t server_port, struct stamps **stamps);
void stamps_close(struct stamps *stamps); // accepts NULL

// Switches on stamps for both directions of a connected socket. 0 or -errno.
int stamps_add(struct stamps *stamps, int fd, uint32_t number);

// Adds a buffer for the stamp to a message that will be received; each lane has its own.
void stamps_expect(struct stamps *stamps, struct msghdr *message, unsigned lane);

// The stamp of a received message: ns since 1970, or 0 when there is none.
uint64_t stamps_of(struct msghdr *message);

// Takes stamps of departure from all sockets and returns their number.
unsigned stamps_take(struct stamps *stamps, struct path_sent *sent);
