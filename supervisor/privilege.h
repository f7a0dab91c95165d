// Users and capabilities: who a process is and what it may. A set of capabilities is one word, bit
// CAP_X of <linux/capability.h>. All of it acts on the calling thread, so only single-threaded
// processes call it: the supervisor, and a child between fork and exec.
#pragma once

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CAPABILITY(x) ((uint64_t)1 << (x))

struct user {
    uid_t uid;
    gid_t gid;
};

// "name", "UID" (its group has the same number) or "UID:GID". 0, -ENOENT when there is no such
// user, or -EPERM when it is root.
int privilege_user(const char *text, struct user *user);

// What this process is permitted. 0 or -errno.
int privilege_permitted(uint64_t *set);

// Gives up for ever, in this process and all that it will start, what is not in set. Stays who it
// is. 0 or -errno.
int privilege_keep(uint64_t set);

// For a child about to exec: becomes user (NULL: stays root), with no other group; after exec it
// has exactly set, and nothing that it executes can have more. 0 or -errno.
int privilege_become(const struct user *user, uint64_t set);

// Writes the names of a set, "CAP_BPF, CAP_NET_ADMIN", as far as they fit.
void privilege_names(uint64_t set, char *out, size_t len);
