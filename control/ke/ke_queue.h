// Connections in the order of their deadlines. All connections of one queue have the same time
// span, so a new one goes to the end and the first one always expires next: no heap and no timer
// wheel is needed. Belongs to one loop.
#pragma once

#include <stdint.h>

struct ke_connection;

struct ke_queue {
    uint64_t span_ns;
    struct ke_connection *first, *last;
};

// Adds a connection that is in no queue at the end, with the deadline that follows from the span.
void ke_queue_append(struct ke_queue *queue, struct ke_connection *c, uint64_t now);

// Removes a connection from its queue.
void ke_queue_remove(struct ke_connection *c);
