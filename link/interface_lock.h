// The lock of an interface: a lock on a file that only root can make, open or lock. The server and
// the load tester take it before they examine the interface's XDP program. The kernel frees it when
// the last process with the descriptor or a copy of it has ended, for any reason. Single-threaded.
#pragma once

#define INTERFACE_LOCKS "/run/noonmark/interfaces"

enum { INTERFACE_LOCK_WAIT_MS = 3000 }; // time for the children of a killed supervisor to end

// Takes the lock of the interface for this program ("noonmarkd", "ntsperf"), which the message of a
// second one will name with the process id. Waits up to wait_ms for a lock that is taken. The
// file's name is the network namespace and the interface's index: an interface that is removed and
// made again has a new lock, which the supervisor takes before the next dataplane. Files that
// nobody has locked are removed. The descriptor; -ENODEV: there is no such interface (not logged);
// or -errno, logged in one line (-EBUSY: another one uses it).
int interface_lock(const char *interface, const char *program, unsigned wait_ms);
