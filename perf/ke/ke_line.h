// Who waits for the same span of time stands in one line: the newest at the end, so that the first
// is always the next whose time is up. No heap, no wheel. Belongs to one thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ke_line;

// Stands in what waits; all zero while that is in no line.
struct ke_waiter {
    struct ke_line *line;
    struct ke_waiter *previous, *next;
    uint64_t due_ns;
};

struct ke_line {
    uint64_t span_ns; // UINT64_MAX: for ever
    struct ke_waiter *first, *last;
    uint32_t n;
};

// Leaves the line that it stands in, if any.
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

// Goes to the end of a line, from another one or from none.
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

// The first, when its time is up; otherwise NULL.
static inline struct ke_waiter *ke_line_due(const struct ke_line *line, uint64_t now)
{
    return line->first && line->first->due_ns <= now ? line->first : NULL;
}

// When the first one's time is up; UINT64_MAX when nobody waits.
static inline uint64_t ke_line_next_ns(const struct ke_line *line)
{
    return line->first ? line->first->due_ns : UINT64_MAX;
}
