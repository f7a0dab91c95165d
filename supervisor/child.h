// One child from fork to exec: its descriptors at the numbers of link/handover.h and no others, its
// user, its rights, its limits. The supervisor has one thread, so the child may call any function
// between fork and exec.
#pragma once

#include "supervisor/privilege.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHILD_HANDED_MAX = 96 };

struct handed {
    int fd; // the supervisor's; it stays open there
    int at; // the child's number; ascending, and 3 or more
};

struct child_plan {
    const char *role;        // argv[0]
    int program;             // descriptor of what it runs; 0: this program's own binary
    const struct user *user; // NULL: root
    uint64_t rights;         // capabilities after exec
    bool locks;              // it has keys, and locks all of its memory
    const struct handed *handed;
    size_t n_handed;
    int oom_score_adj;    // with a higher value it is killed sooner when memory runs out
    uint64_t descriptors; // RLIMIT_NOFILE, raised to this if it is lower; 0: unchanged
};

// Starts the plan's program in that role. Returns the process id, or -errno.
pid_t child_start(const struct child_plan *plan);
