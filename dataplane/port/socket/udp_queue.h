// A UDP socket of the kernel as a port: its datagrams become frames (headers.h), and the payloads
// of the replies leave through it, from the address that was asked. Arrivals are the kernel's
// stamps.
//
// udp_queue.c moves packets, on one core without locks. Housekeeping's thread opens and closes it.
#pragma once

#include "board/wall_offset.h"
#include "dataplane/port/calls.h"

#include <stdint.h>

enum {
    // A request that has waited longer gets no reply: its client has probably given up. One whose
    // stamp cannot be trusted (wall_offset.h) counts as arrived when it is read, so it may have
    // waited for less.
    UDP_QUEUE_WAIT_MS = 1000,
    UDP_QUEUE_UNSTAMPED_WAIT_MS = 10,
};

struct udp_queue;

struct udp_queue_setup {
    int fd; // a UDP socket of the supervisor's (guard_socket.h); stays the caller's
    const struct address_set *addresses; // answered for; NULL: all that the kernel delivers to
    struct wall_offset *offset; // written by the queue's core; queues of one thread may share it;
                                // NULL: the queue has its own, which begins with *known
    const struct wall_offset *known;
    _Atomic uint64_t *stale; // requests that had waited too long; writer: the queue's core; NULL:
                             // the queue has its own counter
};

// 0 or -errno, not logged; *out is unchanged then.
int udp_queue_open(const struct udp_queue_setup *setup, struct udp_queue **out);

struct port *udp_queue_port(struct udp_queue *queue);

// Datagrams that its core has not seen: the kernel discarded them, or they had waited too long, if
// the queue has its own counter of those. Housekeeping's thread.
uint64_t udp_queue_missed(const struct udp_queue *queue);

// Its core no longer uses it. Accepts NULL.
void udp_queue_close(struct udp_queue *queue);
