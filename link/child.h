// The child's end of the handover: what all children that serve do in the same way when they start.
// Main thread; all but child_hear before any other thread is made.
#pragma once

#include "link/link.h"

// What a process that the supervisor starts is. All pointers are to constants.
struct child_role {
    const char *name; // its argv[0], and what stands before each line of its log
    const char *comm; // what top and pgrep show; 15 octets
    int (*run)(void); // returns the exit status
    int board[2];     // sides of the board, one its own; 0: it has none
};

// Begins the log, makes sure that it was the supervisor who started this process, and runs the
// role. The exit status: 2 when a person started it. The first call of main().
int child_run(const struct child_role *role);

// The exit status of a child that served and is to be started again at once: what it opened is not
// there any more as it was. Any other status is a failure.
enum { CHILD_EXIT_AGAIN = 75 };

// Neither a core dump nor another process of this user sees our memory, and no exec brings rights.
// 0 or -errno.
int child_hide(void);

// SIGTERM must be read from *fd, in this thread and in all that it makes. SIGINT and SIGHUP are
// ignored: the supervisor gets them too, and decides. SIGPIPE is ignored as well. 0 or -errno.
int child_take_signals(int *fd);

// Tells the supervisor that this child serves. Call it once. 0 or -errno.
int child_say_ready(void);

enum child_heard {
    CHILD_NOTHING, // nothing for the caller to do
    CHILD_MESSAGE, // the caller handles *message and its descriptors
    CHILD_ENDS,    // the link has ended: the caller must end, too
};

// Reads one message from the link, if there is one, and handles those that all children get: the
// log's level. `most`: the number of descriptors that a message may bring.
enum child_heard child_hear(uint32_t most, struct link_message *message);
