// One queue of an interface as a port.
//
// queue.c moves packets, on one core without locks. Housekeeping's thread opens and closes it.
#pragma once

#include "dataplane/port/calls.h"
#include "dataplane/port/xdp/buffers.h"

#include <stdint.h>

struct queue {
    struct port port;
    struct buffers buffers;

    // What is lent, by lane: offsets in the UMEM. Owner: the burst, from port_rx until port_tx or
    // port_drop.
    uint32_t request[LANES]; // of the buffer
    uint32_t reply[LANES];   // of the reply in it
};

// Opens that queue of the interface, whose XDP program stamps its frames (steer.h). 0 or -errno,
// not logged; *out is unchanged then.
int queue_open(unsigned ifindex, uint32_t number, enum socket_copying copying, struct queue **out);

// Its core no longer uses it. Accepts NULL.
void queue_close(struct queue *queue);
