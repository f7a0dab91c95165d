#include "control/ke/ke_queue.h"

#include "control/ke/ke_connection.h"

#include <stddef.h>

void ke_queue_append(struct ke_queue *queue, struct ke_connection *c, uint64_t now)
{
    c->queue = queue;
    c->deadline_ns = now + queue->span_ns;
    c->next = NULL;
    c->previous = queue->last;
    if (queue->last)
        queue->last->next = c;
    else
        queue->first = c;
    queue->last = c;
}

void ke_queue_remove(struct ke_connection *c)
{
    if (c->previous)
        c->previous->next = c->next;
    else
        c->queue->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    else
        c->queue->last = c->previous;
    c->queue = NULL;
}
