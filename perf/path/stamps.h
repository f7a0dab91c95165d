// The kernel's stamps of UDP datagrams: when one left and when one came, by CLOCK_REALTIME
// (SO_TIMESTAMPING, software). The driver's stamp of departure is taken before the datagram goes to
// its receiver, that of arrival when a device hands the datagram to the kernel. So a server on the
// same machine sees a request after the first, and sends its reply before the second.
//
// A struct stamps belongs to the thread of its path.
#pragma once

#include "perf/path/path.h"

struct stamps;

// For sockets numbered from 0 to n - 1 that are connected to a server's UDP port. 0 or -errno.
int stamps_open(uint32_t n, uint16_t server_port, struct stamps **stamps);
void stamps_close(struct stamps *stamps); // takes NULL

// Has both directions of a connected socket stamped. 0 or -errno.
int stamps_add(struct stamps *stamps, int fd, uint32_t number);

// Makes room in a message for the stamp of what will be received into it; each lane has its own.
void stamps_expect(struct stamps *stamps, struct msghdr *message, unsigned lane);

// The stamp of what was received: ns since 1970, or 0 when there is none.
uint64_t stamps_of(struct msghdr *message);

// Takes stamps of what has left, from all sockets; how many.
unsigned stamps_take(struct stamps *stamps, struct path_sent *sent);
