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

    // With metadata (told.h): when the next sample is due, by CLOCK_MONOTONIC, and the unit of the
    // device's launch time in ns.
    uint64_t sample_next_ns;
    uint64_t launch_grain;
};

// Opens a queue of an interface, whose XDP program stamps its frames (steer.h); the plan's headroom
// is the queue's own matter. 0 or -errno, not logged; *out is unchanged then.
int queue_open(const struct socket_plan *plan, struct queue **out);

// What a queue's metadata is used for.
struct queue_uses {
    bool tells;            // departures of replies are told
    bool launches;         // the device lets bursts go at a time, once it is seen to
    uint64_t launch_grain; // ns: a multiple of this is the launch time; at least 1
};

// Has it use metadata from now on. 0 or -errno (buffers_use_metadata). No core runs.
int queue_use_metadata(struct queue *queue, const struct queue_uses *uses);

// Its core no longer uses it. Accepts NULL.
void queue_close(struct queue *queue);
