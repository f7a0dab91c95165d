// Who uses an interface: a lock on a file that only root can make, open or lock. A server and the
// load tester take it before they look at the interface's XDP program. The kernel frees it when the
// last process that holds the descriptor or a copy of it has ended, however that happens.
// Single-threaded.
#pragma once

#define INTERFACE_LOCKS "/run/noonmark/interfaces"

enum { INTERFACE_LOCK_WAIT_MS = 3000 }; // for the children of a supervisor that was killed

// Takes the lock of the interface for this program ("noonmarkd", "ntsperf"), which the message of a
// second one will name with the process id. Waits up to wait_ms for a lock that is taken. The
// file's name is the network namespace and the interface's index: an interface that is removed and
// made again has a new lock, which the supervisor takes before the next dataplane. The descriptor;
// -ENODEV: there is no such interface (not logged); or -errno, logged in one line (-EBUSY: another
// one uses it).
int interface_lock(const char *interface, const char *program, unsigned wait_ms);
