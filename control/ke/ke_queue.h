// Connections in the order of their deadlines. All of one queue have the same span of time, so a
// new one goes to the end and the first is always the next to expire: no heap, no wheel.
// Belongs to one loop.
#pragma once

#include <stdint.h>

struct ke_connection;

struct ke_queue {
    uint64_t span_ns;
    struct ke_connection *first, *last;
};

// Puts a connection that is in no queue at the end, with the deadline that the span gives it.
void ke_queue_append(struct ke_queue *queue, struct ke_connection *c, uint64_t now);

// Takes a connection out of the queue that it is in.
void ke_queue_remove(struct ke_connection *c);
