// The guard sockets, which the supervisor opens (supervisor/listeners.c). Their filter discards
// every datagram that takes the kernel's path to the NTP port. The kernel counts them, so no
// process needs to read a stranger's datagram to know how many there were. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Is the descriptor a UDP socket? The supervisor may have had none to hand over.
bool guard_is(int fd);

// Datagrams discarded since the socket was opened, modulo 2^32. 0 or -errno.
int guard_discarded(int fd, uint32_t *n);
