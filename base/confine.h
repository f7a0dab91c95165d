// The system call filter of a child that serves. An attacker who has taken over the process meets
// it, together with a user of its own and missing capabilities (the supervisor's part).
//
// Each process has its own list (control/control_filter.c, control/ke/ke_filter.c,
// dataplane/system_calls.c) in addition to the calls that all need (confine.c). Main thread;
// process-wide effects.
#pragma once

#include <seccomp.h>
#include <stddef.h>

// One system call that a process may make.
struct confine_call {
    int number;
    unsigned n;                      // the number of arguments that are compared; 0: any arguments
    struct scmp_arg_cmp argument[2]; // all must match
    int fails; // not 0: the call is not made and returns this errno, because libc can go on without
               // it
};

// What happens after a call that is not allowed.
enum confine_manner {
    CONFINE_KILL,   // the process is killed, and the supervisor restarts it
    CONFINE_REFUSE, // the thread that made it gets SIGSYS; the caller installs the handler
};

// After start-up, for all threads at once: from now on only these calls, and those that all
// processes need, are allowed. Threads that are started later are confined too. Needs no_new_privs
// (child_hide). 0 or -errno.
int confine_system_calls(const struct confine_call *calls, size_t n, enum confine_manner manner);
