// One queue of an interface as a port: its socket, and where each of its buffers is. A buffer is
// with the kernel (to receive into, or to send), lent to the core's burst, or free.
//
// queue.c moves packets, on one core without locks. Housekeeping's thread opens and closes it.
#pragma once

#include "dataplane/port/calls.h"
#include "dataplane/port/xdp/socket.h"

#include <stdbool.h>
#include <stdint.h>

struct queue {
    struct port port;
    struct socket socket;

    uint32_t owed;                // buffers that the fill ring lacks
    uint32_t n_sending;           // that the kernel has to send
    uint32_t n_free;              // of free
    uint32_t free[SOCKET_FRAMES]; // offsets in the UMEM of the free buffers; the last one is used
                                  // first, since it is most likely in the cache

    // What is lent, by lane: offsets in the UMEM. Owner: the burst, from port_rx until port_tx or
    // port_drop.
    uint32_t request[LANES]; // of the buffer
    uint32_t reply[LANES];   // of the reply in it
};

// Opens that queue of the interface, whose XDP program stamps its frames (steer.h). 0 or -errno,
// not logged; NULL then.
int queue_open(unsigned ifindex, uint32_t number, enum socket_copying copying, struct queue **out);

// Its core no longer uses it. Accepts NULL.
void queue_close(struct queue *queue);
