// The system call filter of a child that serves. Together with a user of its own and the absence of
// capabilities (the supervisor's part) it is what an attacker meets who has taken over the process.
//
// Each process has its list (control/control_filter.c, control/ke/ke_filter.c,
// dataplane/system_calls.c) beside what all need (confine.c).
// Main thread; process-wide effects.
#pragma once

#include <seccomp.h>
#include <stddef.h>

// One system call that a process may make.
struct confine_call {
    int number;
    unsigned n;                      // with this many arguments compared; 0: whatever they are
    struct scmp_arg_cmp argument[2]; // all must hold
    int fails; // not 0: it is not made but fails with this errno, since libc can go on without
};

// What becomes of a call that is not allowed.
enum confine_manner {
    CONFINE_KILL,   // it ends the process, and the supervisor starts it anew
    CONFINE_REFUSE, // the thread that made it gets SIGSYS, whose handler is the caller's
};

// After start-up, for all threads at once: only these calls, and those that all processes need, are
// allowed from now on; none can be started afterwards that is free of it. Needs no_new_privs
// (child_hide). 0 or -errno.
int confine_system_calls(const struct confine_call *calls, size_t n, enum confine_manner manner);
