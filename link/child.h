// A child's end of the handover: what all children that serve do alike when they come up.
// Main thread; but for child_hear, before any other thread is made.
#pragma once

#include "link/link.h"

// The exit status of a child that served and is to be started again at once: what it opened is not
// there any more as it was. Any other status is a failure.
enum { CHILD_EXIT_AGAIN = 75 };

// Neither a core dump nor another process of this user sees our memory, and no exec brings rights.
// 0 or -errno.
int child_hide(void);

// SIGTERM is to be read from *fd, in this thread and in all that it makes. SIGINT and SIGHUP reach
// us with the supervisor, which decides, and are ignored; so is SIGPIPE. 0 or -errno.
int child_take_signals(int *fd);

// Tells the supervisor that we serve. Once. 0 or -errno.
int child_say_ready(void);

enum child_heard {
    CHILD_NOTHING, // nothing that the caller has to deal with
    CHILD_MESSAGE, // *message is the caller's to deal with, and so are its descriptors
    CHILD_ENDS,    // the link has ended: the caller ends, too
};

// Takes one message from the link, if there is one, and deals with those that all children get: the
// log's level. `most`: descriptors that a message may bring.
enum child_heard child_hear(uint32_t most, struct link_message *message);
