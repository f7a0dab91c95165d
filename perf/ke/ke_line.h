// A list of timers with the same duration. New ones go to the end, so the first one always expires
// first; no heap is needed. Belongs to one thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ke_line;

// A member of the object that waits; all zero while it is in no line.
struct ke_waiter {
    struct ke_line *line;
    struct ke_waiter *previous, *next;
    uint64_t due_ns;
};

struct ke_line {
    uint64_t span_ns; // UINT64_MAX: never expires
    struct ke_waiter *first, *last;
    uint32_t n;
};

// Removes the waiter from its line, if it is in one.
static inline void ke_line_leave(struct ke_waiter *w)
{
    struct ke_line *line = w->line;
    if (!line)
        return;
    *(w->previous ? &w->previous->next : &line->first) = w->next;
    *(w->next ? &w->next->previous : &line->last) = w->previous;
    line->n--;
    *w = (struct ke_waiter){0};
}

// Moves the waiter to the end of a line, from another line or from none.
static inline void ke_line_join(struct ke_line *line, struct ke_waiter *w, uint64_t now)
{
    ke_line_leave(w);
    w->line = line;
    w->due_ns = line->span_ns > UINT64_MAX - now ? UINT64_MAX : now + line->span_ns;
    w->previous = line->last;
    *(line->last ? &line->last->next : &line->first) = w;
    line->last = w;
    line->n++;
}

// The first waiter if it has expired; otherwise NULL.
static inline struct ke_waiter *ke_line_due(const struct ke_line *line, uint64_t now)
{
    return line->first && line->first->due_ns <= now ? line->first : NULL;
}

// When the first waiter expires; UINT64_MAX when the line is empty.
static inline uint64_t ke_line_next_ns(const struct ke_line *line)
{
    return line->first ? line->first->due_ns : UINT64_MAX;
}
