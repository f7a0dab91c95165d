// A child's end of the handover: what all children that serve do alike when they come up.
// Main thread, before any other thread is made.
#pragma once

// Neither a core dump nor another process of this user sees our memory, and no exec brings rights.
// 0 or -errno.
int child_hide(void);

// SIGTERM is to be read from *fd, in this thread and in all that it makes. SIGINT and SIGHUP reach
// us with the supervisor, which decides, and are ignored; so is SIGPIPE. 0 or -errno.
int child_take_signals(int *fd);

// Tells the supervisor that we serve. Once. 0 or -errno.
int child_say_ready(void);
