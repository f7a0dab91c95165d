// What control does while it serves, as a table: each errand has a descriptor, a time when it is
// due, and a turn that does it. One thread runs them all, so no turn may wait: not for a disk, not
// for the peer of a socket. The table and its loop belong to control's main thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct control;

// A due time that never comes: the errand has its turn when its descriptor says so, or not at all.
#define ERRAND_NEVER UINT64_MAX

struct errand {
    const char *name; // for the log
    int fd;           // its turn comes when this one is readable, at its end or broken; -1: none
    uint64_t due_ns;  // and at this time, CLOCK_MONOTONIC
    // Does what there is to do at now_ns, and returns when it is due again. The descriptor is
    // watched on whatever this says.
    uint64_t (*turn)(struct control *control, uint64_t now_ns);
};

// Watches the descriptors of a table of n errands in *epoll, a new descriptor, by their index: the
// order of the table stays, and so do the descriptors. 0, or -errno after logging.
int errands_watch(const struct errand *errands, size_t n, int *epoll);

// Sleeps until one of the errands is due or its descriptor readable, for longest_ms at most. Then
// gives each of those one turn, in the order of the table.
void errands_turn(struct errand *errands, size_t n, int epoll, unsigned longest_ms,
                  struct control *control);
