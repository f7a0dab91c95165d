// The tasks of control while it serves, as a table: each errand has a descriptor, a time when it is
// due, and a turn that does the work. One thread runs them all, so no turn may wait: not for a
// disk, not for the peer of a socket. The table and its loop belong to control's main thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct control;

// A due time that never comes: the errand has a turn only when its descriptor is ready.
#define ERRAND_NEVER UINT64_MAX

struct errand {
    const char *name; // for the log
    int fd;           // its turn comes when this is readable, at its end or broken; -1: none
    uint64_t due_ns;  // and at this time of CLOCK_MONOTONIC
    // Does the work that is due at now_ns, and returns when it is due again. The descriptor is
    // watched in any case.
    uint64_t (*turn)(struct control *control, uint64_t now_ns);
};

// Watches the descriptors of a table of n errands with *epoll, a new descriptor; events carry the
// index, so the order of the table and its descriptors must not change. 0, or -errno after logging.
int errands_watch(const struct errand *errands, size_t n, int *epoll);

// Sleeps until one of the errands is due or its descriptor is readable, at most longest_ms. Then
// gives each of those one turn, in the order of the table.
void errands_turn(struct errand *errands, size_t n, int epoll, unsigned longest_ms,
                  struct control *control);
