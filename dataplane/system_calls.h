// The system calls that this process may make once it serves: those that the drivers of the ports
// and housekeeping still need. All others are refused with EPERM and one line in the log.
//
// They are refused, and the process is not killed: nobody can list the calls that every DPDK driver
// makes in a rare case. A driver whose call fails reports it or goes on, while a dead dataplane
// serves nobody. What an intruder would want (exec, new threads and processes, code in memory,
// tracing, other users) is refused all the same.
#pragma once

// For all threads, also those that run already; no thread can be started afterwards. Needs
// no_new_privs (child_hide). 0 or -errno.
int system_calls_confine(void);
