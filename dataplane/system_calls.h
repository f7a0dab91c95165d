// The system calls of this process once it serves: those that a port's driver and housekeeping
// still make. Everything else is refused with EPERM and one line in the log.
//
// Refused, not killed: nobody can list the calls that every driver of DPDK's makes in a rare case.
// One that gets an error reports it or goes on, while a dead dataplane serves nobody. What an
// intruder would want (exec, new threads and processes, code in memory, tracing, other users) is
// refused all the same.
#pragma once

// For all threads, those that run already too; none can be started afterwards. Needs no_new_privs
// (child_hide). 0 or -errno.
int system_calls_confine(void);
